// @ts-check
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { crash } from './crash.mjs';
import { childEnv, localDir, root } from './project.mjs';

/**
 * @typedef {object} Child
 * @property {string} name
 * @property {number} group its process group, which holds all that it starts
 * @property {number} graceMs to end by itself when it is asked to
 * @property {(() => Promise<void>) | undefined} beforeStop
 */

const GRACE_MS = 10_000;
// What is killed is gone by then; only in a container whose first process is no init, what its dead
// parent has left stays as a zombie, which holds nothing but its number.
const KILLED_MS = 2_000;

/** @param {string} name */
export const logOf = (name) => join(localDir, 'logs', `${name}.log`);

/**
 * @param {number} group
 * @param {NodeJS.Signals | 0} signal
 * @returns {boolean} whether anybody was there to hear it
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
 * The long-lived processes of this start. One that ends by itself ends them all; each has a process
 * group of its own, so that Ctrl-C reaches it only through here and in order.
 */
export class Children {
  /** @type {Child[]} */
  #running = [];
  #stopping = false;
  /** @type {(reason: Error) => void} */
  #reportFailure = () => {};
  /** @type {Promise<never>} rejected when something ends that should not */
  failure = new Promise((_, reject) => (this.#reportFailure = reject));

  constructor() {
    // nobody may be waiting at the moment at which it happens
    this.failure.catch(() => {});
  }

  get groups() {
    return this.#running.map((child) => child.group);
  }

  /**
   * @param {string} name
   * @param {string} command
   * @param {string[]} args
   * @param {{ env?: NodeJS.ProcessEnv, graceMs?: number, beforeStop?: () => Promise<void> }} [options]
   */
  start(name, command, args, { env = childEnv(), graceMs = GRACE_MS, beforeStop } = {}) {
    const log = logOf(name);
    mkdirSync(dirname(log), { recursive: true });
    const out = openSync(log, 'w');
    const child = spawn(command, args, {
      cwd: root,
      env,
      detached: true,
      stdio: ['ignore', out, out],
    });
    closeSync(out);
    child.on('error', (error) => {
      this.fail(crash(name, `could not be started (${error.message})`, log));
    });
    child.on('exit', (code, signal) => {
      this.fail(crash(name, signal ? `was ended by ${signal}` : `ended with code ${code}`, log));
    });
    if (child.pid) this.#running.push({ name, group: child.pid, graceMs, beforeStop });
  }

  /** @param {string} name @returns {boolean} whether it was started here */
  has(name) {
    return this.#running.some((child) => child.name === name);
  }

  /**
   * @param {string} name of one that was started here
   * @param {NodeJS.Signals} signal
   */
  signal(name, signal) {
    for (const child of this.#running) if (child.name === name) signalGroup(child.group, signal);
  }

  /**
   * Ends the start because of this, unless it is being stopped anyway.
   * @param {Error} reason
   */
  fail(reason) {
    if (!this.#stopping) this.#reportFailure(reason);
  }

  /**
   * Waits for something, but not longer than everything runs.
   * @template T
   * @param {Promise<T>} work
   * @returns {Promise<T>}
   */
  guard(work) {
    return Promise.race([work, this.failure]);
  }

  /**
   * Stops everything, what was started last first.
   * @returns {Promise<string[]>} what was stopped
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

  /** Ends everything at once, for one who will not wait. */
  kill() {
    this.#stopping = true;
    for (const { group } of this.#running) signalGroup(group, 'SIGKILL');
  }
}
