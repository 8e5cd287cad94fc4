// @ts-check
import { elapsed } from './terminal.mjs';
import { UserError } from './user-error.mjs';

// A guest shows what the system does: the demo order, the demo devices. Where it fails it is reported and
// started again. The system goes on.

/** @typedef {{ print: (text: string) => unknown }} Output */

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 5 * 60_000;
/** A guest that ran for this time has recovered: its next failure counts as the first. */
const STEADY_MS = 60_000;

/** The pauses before restarts: each is twice as long as the one before. */
export class Backoff {
  #pauseMs = FIRST_PAUSE_MS;

  /**
   * @param {number} ranMs how long the guest ran until it failed
   * @returns {number} milliseconds until it is started again
   */
  next(ranMs) {
    if (ranMs >= STEADY_MS) this.#pauseMs = FIRST_PAUSE_MS;
    const pauseMs = this.#pauseMs;
    this.#pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    return pauseMs;
  }
}

/**
 * Starts a process that is a guest, and starts it again whenever it ends, until the system is stopped.
 * @param {Pick<import('./children.mjs').Children, 'start'>} children
 * @param {Output} terminal
 * @param {string} name
 * @param {string[]} command
 * @param {{ env?: NodeJS.ProcessEnv }} options
 */
export function startGuest(children, terminal, name, [program = '', ...args], options) {
  const backoff = new Backoff();
  const start = () => {
    const begun = performance.now();
    const onExit = (/** @type {unknown} */ reason) => {
      const pauseMs = backoff.next(performance.now() - begun);
      report(terminal, reason, `The system goes on. Restarting ${name} in ${elapsed(pauseMs)}.`);
      setTimeout(start, pauseMs);
    };
    try {
      children.start(name, program, args, { ...options, kind: 'guest', onExit });
    } catch (error) {
      // its log cannot be written
      onExit(error);
    }
  };
  start();
}

/**
 * Does some work of a guest, and tries again until it succeeds.
 * @param {Output} terminal
 * @param {string} name
 * @param {() => Promise<void>} work
 * @returns {Promise<void>} resolved after the first attempt, whether it succeeded or not
 */
export async function attemptAsGuest(terminal, name, work) {
  const backoff = new Backoff();
  const attempt = async () => {
    try {
      await work();
    } catch (error) {
      const pauseMs = backoff.next(0);
      report(
        terminal,
        error,
        `The system goes on. Trying the ${name} again in ${elapsed(pauseMs)}.`,
      );
      setTimeout(attempt, pauseMs);
    }
  };
  await attempt();
}

/**
 * @param {Output} terminal
 * @param {unknown} failure
 * @param {string} next what happens now
 */
function report(terminal, failure, next) {
  for (const line of failure instanceof UserError ? failure.details : []) {
    terminal.print(`    ${line}`);
  }
  const reason =
    failure instanceof UserError
      ? failure.message
      : failure instanceof Error
        ? failure.stack
        : failure;
  terminal.print(`! ${reason}\n  ${next}`);
}
