// @ts-check
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { crashError } from './crash.mjs';
import { ownEnv } from './environment.mjs';
import { localDir, root } from './project.mjs';
import { elapsed } from './terminal.mjs';
import { UserError } from './user-error.mjs';

/**
 * The kinds of processes, in the order of their start. They are stopped in the reverse order: services finish
 * what they are doing while they still have their sidecars.
 */
const KINDS = /** @type {const} */ (['server', 'control plane', 'sidecar', 'service', 'guest']);

/**
 * @typedef {object} Options
 * @property {typeof KINDS[number]} kind
 * @property {NodeJS.ProcessEnv} [env]
 * @property {string} [cwd]
 * @property {() => Promise<boolean>} [works] whether it works; reported after a restart
 * @property {(reason: Error) => void} [onExit] called when it ends unexpectedly, instead of a restart
 *
 * @typedef {Options & { name: string, command: string, args: string[], group: number, ends: number[] }} Child
 *   `group`: its process group, which contains all processes that it starts; 0 while it does not run.
 *   `ends`: when it ended unexpectedly
 */

/** Time to exit after SIGTERM, before it is killed. */
const GRACE_MS = 10_000;
// A killed process is gone after this time. The exception is a container whose first process is not an
// init: there an orphan remains as a zombie, which holds nothing but its process id.
const KILLED_MS = 2_000;
/** Each restart within LOOP_MS waits twice as long as the one before. */
const FIRST_PAUSE_MS = 250;
/** A process that ends this often within this time does not recover by itself. */
const LOOP_ENDS = 5;
const LOOP_MS = 60_000;
const POLL_MS = 100;

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
 * The long-lived processes of this start. One that ends unexpectedly is named and restarted; a crash loop ends
 * the start. Each has a process group of its own, so that Ctrl-C reaches it only through this class and in order.
 */
export class Children {
  #terminal;
  /** @type {Map<string, Child>} */
  #all = new Map();
  #stopping = false;
  /** @type {(reason: Error) => void} */
  #reportFailure = () => {};
  /** @type {Promise<never>} rejects at a crash loop */
  failure = new Promise((_, reject) => (this.#reportFailure = reject));

  /** @param {Pick<import('./terminal.mjs').Terminal, 'print'>} terminal */
  constructor(terminal) {
    this.#terminal = terminal;
    // Prevents an unhandled rejection if nothing awaits `failure` at that moment.
    this.failure.catch(() => {});
  }

  get groups() {
    return [...this.#all.values()].flatMap(({ group }) => group || []);
  }

  /**
   * @param {string} name
   * @param {string} command
   * @param {string[]} args
   * @param {Options} options
   */
  start(name, command, args, options) {
    if (this.#stopping) return;
    const log = logFileOf(name);
    mkdirSync(dirname(log), { recursive: true });
    if (existsSync(log) && !this.#all.has(name)) renameSync(log, `${log}.previous`);
    const ends = this.#all.get(name)?.ends ?? [];
    this.#spawn({ ...options, name, command, args, ends, group: 0 });
  }

  /** @param {Child} child */
  #spawn(child) {
    if (this.#stopping) return;
    const { name, command, args, cwd = root, env = ownEnv() } = child;
    this.#all.set(name, child);
    const out = openSync(logFileOf(name), 'a');
    const process = spawn(command, args, {
      cwd,
      env,
      detached: true,
      stdio: ['ignore', out, out],
    });
    closeSync(out);
    child.group = process.pid ?? 0;
    process.on('error', (error) => {
      const how = `could not be started (${error.message})`;
      const reason = crashError(name, how, logFileOf(name));
      if (child.onExit && !this.#stopping) child.onExit(reason);
      else this.fail(reason);
    });
    process.on('exit', (code, signal) => {
      this.#ended(child, signal ? `was ended by ${signal}` : `exited with code ${code}`);
    });
  }

  /**
   * @param {Child} child
   * @param {string} how
   */
  #ended(child, how) {
    if (this.#stopping) return;
    const { name, group, ends, onExit } = child;
    // What it has started would hold its ports and files.
    signalGroup(group, 'SIGKILL');
    child.group = 0;
    const reason = crashError(name, how, logFileOf(name));
    if (onExit) return onExit(reason);
    const now = performance.now();
    ends.push(now);
    const lately = ends.filter((at) => now - at < LOOP_MS).length;
    if (lately >= LOOP_ENDS) {
      const text = `${name} ended ${LOOP_ENDS} times within a minute. ${reason.message}`;
      return this.fail(new UserError(text, reason.details));
    }
    const pauseMs = FIRST_PAUSE_MS * 2 ** (lately - 1);
    this.#terminal.print(`! ${reason.message}. Restarting it in ${elapsed(pauseMs)}.`);
    void this.#restart(child, pauseMs, now);
  }

  /**
   * @param {Child} child
   * @param {number} pauseMs
   * @param {number} endedAt
   */
  async #restart(child, pauseMs, endedAt) {
    await sleep(pauseMs, undefined, { ref: false });
    this.#spawn(child);
    const { group, name, works } = child;
    if (works === undefined) return;
    const isCurrent = () => !this.#stopping && group > 0 && child.group === group;
    while (isCurrent()) {
      if (await works()) {
        // It may have ended meanwhile.
        if (!isCurrent()) return;
        const ms = performance.now() - endedAt;
        return this.#terminal.print(`✓ ${name} works again after ${elapsed(ms)}.`);
      }
      await sleep(POLL_MS, undefined, { ref: false });
    }
  }

  /** @param {string} name @returns {boolean} whether it was started here */
  has(name) {
    return this.#all.has(name);
  }

  /**
   * Sends a signal to a process that was started here.
   * @param {string} name
   * @param {NodeJS.Signals} signal
   */
  signal(name, signal) {
    const group = this.#all.get(name)?.group;
    if (group) signalGroup(group, signal);
  }

  /**
   * Rejects `failure` with this reason, unless the processes are being stopped anyway.
   * @param {Error} reason
   */
  fail(reason) {
    if (!this.#stopping) this.#reportFailure(reason);
  }

  /**
   * Waits for some work, or rejects at a crash loop.
   * @template T
   * @param {Promise<T>} work
   * @returns {Promise<T>}
   */
  guard(work) {
    return Promise.race([work, this.failure]);
  }

  /**
   * Stops all processes.
   * @returns {Promise<string[]>} what was stopped, in that order
   */
  async stop() {
    this.#stopping = true;
    const stopped = [];
    for (const kind of KINDS.toReversed()) {
      const these = [...this.#all.values()].filter((child) => child.kind === kind);
      await Promise.all(these.map(({ group }) => group && stopGroup(group)));
      for (const { name } of these) this.#all.delete(name);
      const names = these.map(({ name }) => name).reverse();
      const isMany = kind === 'service' || kind === 'sidecar';
      stopped.push(...(isMany && names.length > 1 ? [`${names.length} ${kind}s`] : names));
    }
    return stopped;
  }

  /** Kills all processes immediately. */
  kill() {
    this.#stopping = true;
    for (const group of this.groups) signalGroup(group, 'SIGKILL');
  }
}

/** @param {number} group */
async function stopGroup(group) {
  signalGroup(group, 'SIGTERM');
  const deadline = performance.now() + GRACE_MS;
  while (signalGroup(group, 0)) {
    const late = performance.now() - deadline;
    if (late > KILLED_MS) return;
    if (late > 0) signalGroup(group, 'SIGKILL');
    await sleep(20);
  }
}
