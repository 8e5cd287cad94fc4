// @ts-check
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { childEnv } from './project.mjs';

// Servers are kept where an ordinary user's PATH does not look.
const SERVER_FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/opt/homebrew/sbin'];

/**
 * @param {string} name
 * @param {string[]} [without] folders to leave out
 * @returns {string | undefined} the program's full path
 */
export function findProgram(name, without = []) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...SERVER_FOLDERS];
  for (const folder of folders) {
    if (!folder || without.includes(folder)) continue;
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // not in this folder
    }
  }
  return undefined;
}

/** @typedef {{ code: number, output: string }} Outcome code -1: the program could not be started */

/** @type {Set<number>} groups of the commands that run now */
const running = new Set();

/** Ends the commands that run now, with all that they started. */
export function endCommands() {
  for (const group of running) {
    try {
      process.kill(-group, 'SIGKILL');
    } catch {
      // it has just ended by itself
    }
  }
}

/**
 * Runs a program to its end and keeps what it printed. In a process group of its own, so that
 * Ctrl-C reaches it only through endCommands.
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, timeoutMs?: number, onLine?: (line: string) => void }} [options]
 * @returns {Promise<Outcome>}
 */
export function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? childEnv(),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const { pid } = child;
    if (pid) running.add(pid);
    const timer = options.timeoutMs
      ? setTimeout(() => pid && process.kill(-pid, 'SIGKILL'), options.timeoutMs)
      : undefined;
    let output = '';
    const read = (/** @type {Buffer} */ chunk) => {
      const text = chunk.toString();
      output += text;
      const line = text.trimEnd().split('\n').at(-1);
      if (line) options.onLine?.(line);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    const end = (/** @type {number} */ code) => {
      clearTimeout(timer);
      if (pid) running.delete(pid);
      resolve({ code, output: output.trim() });
    };
    child.on('error', (error) => {
      output += error.message;
      end(-1);
    });
    child.on('close', (code) => end(code ?? 1));
  });
}

/**
 * @param {string} output
 * @param {number} [count]
 */
export const lastLines = (output, count = 15) =>
  output
    .split('\n')
    .filter((line) => line.trim())
    .slice(-count);

/** @param {string} output */
export const saysNoNetwork = (output) =>
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ECONNRESET|ENETUNREACH|no such host|dial tcp|i\/o timeout|Temporary failure resolving|Could not resolve/i.test(
    output,
  );

/** @param {string} output */
export const saysNoSpace = (output) => /ENOSPC|no space left/i.test(output);
