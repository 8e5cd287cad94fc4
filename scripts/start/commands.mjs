// @ts-check
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { childEnv } from './project.mjs';

// Servers are installed in folders that are not on an ordinary user's PATH.
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

/**
 * @typedef {{ code: number, output: string, stdout: string }} CommandResult
 *   code -1: the program could not be started. output: stdout and stderr
 */

/** @type {Set<number>} process groups of the commands that are running */
const running = new Set();

/** Kills the commands that are running, with all processes that they started. */
export function killCommands() {
  for (const group of running) {
    try {
      process.kill(-group, 'SIGKILL');
    } catch {
      // It has just exited.
    }
  }
}

/**
 * Runs a program and returns its exit code with what it printed. The program has a process group of its
 * own, so that Ctrl-C reaches it only through killCommands.
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, timeoutMs?: number, onLine?: (line: string) => void }} [options]
 * @returns {Promise<CommandResult>}
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
    let stdout = '';
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
        output += text;
        if (stream === child.stdout) stdout += text;
        const lines = `${rest}${text}`.split(/[\n\r]/);
        rest = lines.pop() ?? '';
        for (const line of lines) if (line.trim()) options.onLine?.(line.trim());
      });
    }
    const end = (/** @type {number} */ code) => {
      clearTimeout(timer);
      if (pid) running.delete(pid);
      resolve({ code, output: output.trim(), stdout });
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
export const isNetworkFailure = (output) =>
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ECONNRESET|ENETUNREACH|no such host|dial tcp|i\/o timeout|Temporary failure resolving|Could not resolve/i.test(
    output,
  );

/** @param {string} output */
export const isDiskFull = (output) => /ENOSPC|no space left/i.test(output);
