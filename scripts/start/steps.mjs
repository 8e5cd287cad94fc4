// @ts-check
import { spawn } from 'node:child_process';
import { childEnv, root } from './project.mjs';
import { UserError } from './user-error.mjs';

/**
 * Runs programs one after the other, with the input and output of this process. Throws a UserError for the first
 * that fails.
 * @param {...readonly [string, ...string[]]} steps
 */
export async function runSteps(...steps) {
  for (const [program, ...args] of steps) {
    const code = await exitCodeOf(program, args);
    if (code !== 0) {
      throw new UserError(`${[program, ...args].join(' ')} failed: see its output above.`);
    }
  }
}

/**
 * Runs a program with the input and output of this process. Ctrl-C reaches both; another signal is passed on.
 * @param {string} program
 * @param {readonly string[]} args
 * @returns {Promise<number>} its exit code; 1 if a signal ended it
 */
export function exitCodeOf(program, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: root, env: childEnv(), stdio: 'inherit' });
    const ignore = () => {};
    const passOn = (/** @type {NodeJS.Signals} */ signal) => child.kill(signal);
    process.on('SIGINT', ignore).on('SIGTERM', passOn).on('SIGHUP', passOn);
    child.on('error', () => {
      reject(new UserError(`${program} is missing: run "npm ci" first.`));
    });
    child.on('exit', (code) => {
      process.off('SIGINT', ignore).off('SIGTERM', passOn).off('SIGHUP', passOn);
      resolve(code ?? 1);
    });
  });
}
