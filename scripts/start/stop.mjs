// @ts-check
import { execFile } from 'node:child_process';
import { readlink, realpath, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { UserError } from './user-error.mjs';

/** @typedef {{ pid: number, parent: number, command: string }} Process */

/** More than a service takes to finish what runs: 25 s. */
const SERVICES_MS = 30_000;
/** The dapr command kills what is left without waiting. */
const CLI_MS = 10_000;
/** `npm start` stops the services, the dapr command and the servers, one after the other. */
const START_MS = 60_000;

const run = promisify(execFile);

/** @returns {Promise<Process[]>} */
async function processes() {
  const { stdout } = await run('ps', ['-A', '-ww', '-o', 'pid=,ppid=,args='], {
    maxBuffer: 2 ** 26,
  });
  return stdout.split('\n').flatMap((line) => {
    const [, pid, parent, command] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return command === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), command }];
  });
}

/**
 * The folder in which a process runs; empty if that is not known, as for a process of another user.
 * @param {number} pid
 */
async function folderOf(pid) {
  try {
    if (process.platform === 'linux') return await readlink(`/proc/${pid}/cwd`);
    const { stdout } = await run('lsof', ['-a', '-d', 'cwd', '-p', String(pid), '-Fn']);
    return /^n(.*)$/m.exec(stdout)?.[1] ?? '';
  } catch {
    return '';
  }
}

/**
 * Whether a process was given this file, relative to its folder.
 * @param {Process} process
 * @param {string | undefined} given
 * @param {string} file
 */
async function names({ pid }, given, file) {
  const folder = await folderOf(pid);
  if (given === undefined || folder === '') return false;
  const path = resolve(folder, given);
  try {
    const isFolder = (await stat(path)).isDirectory();
    return (await realpath(isFolder ? join(path, 'dapr.yaml') : path)) === (await realpath(file));
  } catch {
    return false;
  }
}

/**
 * The dapr commands that run a file.
 * @param {string} file
 */
export async function runsOf(file) {
  const found = await Promise.all(
    (await processes()).map(async (each) => {
      const given = /^(?:\S*\/)?dapr run (?:-f|--run-file)[ =](\S+)/.exec(each.command)?.[1];
      return (await names(each, given, file)) ? [each] : [];
    }),
  );
  return found.flat();
}

/**
 * The processes of `npm start`.
 * @param {string} script
 */
export async function startsOf(script) {
  const found = await Promise.all(
    (await processes()).map(async (each) => {
      const given = /^(?:\S*\/)?node (?:-\S+ )*(\S+)/.exec(each.command)?.[1];
      return (await names(each, given, script)) ? [each] : [];
    }),
  );
  return found.flat();
}

/**
 * Stops what a dapr command runs: first the services, which finish while they still have their sidecars,
 * since the dapr command kills both immediately.
 * @param {Process} cli
 */
export async function stopRun(cli) {
  const own = (await processes()).filter(({ parent }) => parent === cli.pid);
  const services = own.filter(({ command }) => !/^(?:\S*\/)?daprd /.test(command));
  for (const { pid } of services) signal(pid, 'SIGTERM');
  await gone(services, SERVICES_MS);
  signal(cli.pid, 'SIGTERM');
  const left = await gone([cli, ...own], CLI_MS);
  if (left.length > 0)
    throw new UserError(`Still running: ${left.map(({ pid }) => pid).join(', ')}.`);
}

/** @param {Process} start */
export async function stopStart(start) {
  signal(start.pid, 'SIGTERM');
  const left = await gone([start], START_MS);
  if (left.length > 0) throw new UserError(`npm start (${start.pid}) is still running.`);
}

/**
 * Waits until the processes have ended. Returns those that have not.
 * @param {readonly Process[]} all
 * @param {number} withinMs
 */
async function gone(all, withinMs) {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const running = all.filter(({ pid }) => signal(pid, 0));
    if (running.length === 0 || performance.now() > deadline) return running;
    await sleep(50);
  }
}

/**
 * @param {number} pid
 * @param {NodeJS.Signals | 0} name
 * @returns {boolean} whether the process exists
 */
function signal(pid, name) {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
}
