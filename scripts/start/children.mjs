// @ts-check
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { crashError } from './crash.mjs';
import { ownEnv } from './environment.mjs';
import { localDir, root } from './project.mjs';

/**
 * @typedef {object} Child
 * @property {string} name
 * @property {number} group its process group, which contains all processes that it starts
 * @property {number} graceMs time to exit after SIGTERM, before it is killed
 * @property {(() => Promise<void>) | undefined} beforeStop runs before SIGTERM is sent
 */

const GRACE_MS = 10_000;
// A killed process is gone after this time. The exception is a container whose first process is not an
// init: there an orphan remains as a zombie, which holds nothing but its process id.
const KILLED_MS = 2_000;

/** @param {string} name */
export const logFileOf = (name) => join(localDir, 'logs', `${name}.log`);

/**
 * @param {number} group
 * @param {NodeJS.Signals | 0} signal
 * @returns {boolean} whether the group still has a process
 */
function signalGroup(group, signal) {
  try {
    process.kill(-group, signal);
    return true;
  } catch {
    return false;
  }
}

/**
 * The long-lived processes of this start. If one exits unexpectedly, all are stopped, except for guests. Each has a process
 * group of its own, so that Ctrl-C reaches it only through this class and in order.
 */
export class Children {
  /** @type {Child[]} */
  #running = [];
  #stopping = false;
  /** @type {(reason: Error) => void} */
  #reportFailure = () => {};
  /** @type {Promise<never>} rejects when a process exits unexpectedly */
  failure = new Promise((_, reject) => (this.#reportFailure = reject));

  constructor() {
    // Prevents an unhandled rejection if nothing awaits `failure` at that moment.
    this.failure.catch(() => {});
  }

  get groups() {
    return this.#running.map((child) => child.group);
  }

  /**
   * @param {string} name
   * @param {string} command
   * @param {string[]} args
   * @param {{ env?: NodeJS.ProcessEnv, graceMs?: number, beforeStop?: () => Promise<void>, onExit?: (reason: Error) => void }} [options]
   *   onExit: called when the process ends unexpectedly, which then does not stop the others
   */
  start(name, command, args, { env = ownEnv(), graceMs = GRACE_MS, beforeStop, onExit } = {}) {
    if (this.#stopping) return;
    const log = logFileOf(name);
    mkdirSync(dirname(log), { recursive: true });
    const out = openSync(log, 'w');
    const child = spawn(command, args, {
      cwd: root,
      env,
      detached: true,
      stdio: ['ignore', out, out],
    });
    closeSync(out);
    const ended = (/** @type {string} */ how) => {
      if (this.#stopping) return;
      const reason = crashError(name, how, log);
      if (onExit === undefined) return this.fail(reason);
      if (child.pid) this.#forget(child.pid);
      onExit(reason);
    };
    child.on('error', (error) => ended(`could not be started (${error.message})`));
    child.on('exit', (code, signal) =>
      ended(signal ? `was ended by ${signal}` : `exited with code ${code}`),
    );
    if (child.pid) this.#running.push({ name, group: child.pid, graceMs, beforeStop });
  }

  /** Kills what a process that has ended leaves behind. @param {number} group */
  #forget(group) {
    signalGroup(group, 'SIGKILL');
    this.#running = this.#running.filter((child) => child.group !== group);
  }

  /** @param {string} name @returns {boolean} whether it was started here */
  has(name) {
    return this.#running.some((child) => child.name === name);
  }

  /**
   * Sends a signal to a process that was started here.
   * @param {string} name
   * @param {NodeJS.Signals} signal
   */
  signal(name, signal) {
    for (const child of this.#running) if (child.name === name) signalGroup(child.group, signal);
  }

  /**
   * Rejects `failure` with this reason, unless the processes are being stopped anyway.
   * @param {Error} reason
   */
  fail(reason) {
    if (!this.#stopping) this.#reportFailure(reason);
  }

  /**
   * Waits for some work, or rejects when a process exits unexpectedly.
   * @template T
   * @param {Promise<T>} work
   * @returns {Promise<T>}
   */
  guard(work) {
    return Promise.race([work, this.failure]);
  }

  /**
   * Stops all processes, in the reverse order of their start.
   * @returns {Promise<string[]>} their names
   */
  async stop() {
    this.#stopping = true;
    const names = [];
    for (let child = this.#running.at(-1); child; child = this.#running.at(-1)) {
      await child.beforeStop?.();
      signalGroup(child.group, 'SIGTERM');
      const deadline = performance.now() + child.graceMs;
      while (signalGroup(child.group, 0)) {
        const late = performance.now() - deadline;
        if (late > KILLED_MS) break;
        if (late > 0) signalGroup(child.group, 'SIGKILL');
        await sleep(20);
      }
      names.push(child.name);
      this.#running.pop();
    }
    return names;
  }

  /** Kills all processes immediately. */
  kill() {
    this.#stopping = true;
    for (const { group } of this.#running) signalGroup(group, 'SIGKILL');
  }
}
