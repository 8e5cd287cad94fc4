// @ts-check
import { statfsSync } from 'node:fs';
import { findProgram } from './commands.mjs';
import { availableMemory } from './memory.mjs';
import { describePortOwner, isFree } from './ports.mjs';
import { root } from './project.mjs';
import { checkBuildTools, findInstalledRuntime, runtimeIsStale } from './runtime.mjs';
import { UserError } from './user-error.mjs';

const MEMORY_NEEDED_GB = 2;
const DISK_NEEDED_GB = 1;

/**
 * Checks the machine before anything is changed on it. Throws a UserError if something is missing.
 * @param {import('./terminal.mjs').Terminal} terminal
 * @param {import('./project.mjs').App[]} apps
 * @param {string} bus the event broker
 * @returns {Promise<import('./runtime.mjs').Runtime | undefined>} the installed Dapr, if it is used
 */
export async function preflight(terminal, apps, bus) {
  terminal.print(`  ✓ Node ${process.versions.node}; the services run on the project's own Node`);
  const installed = await usableRuntime(terminal, bus);
  if (installed === undefined && runtimeIsStale()) {
    const go = await checkBuildTools();
    terminal.print(`  ✓ Dapr will be built once with ${go.replace(/^go/, 'Go ')}`);
  } else if (installed === undefined) {
    terminal.print('  ✓ Dapr is built');
  }
  checkMemory(terminal);
  checkDisk(terminal);
  await checkPorts(terminal, apps);
  return installed;
}

const UNCONFIRMED =
  'reports events as published that RabbitMQ has not confirmed, which are lost if RabbitMQ dies (docs/brokers.md)';

/**
 * The installed Dapr. With RabbitMQ the one that is built here is better, where it can be built.
 * @param {import('./terminal.mjs').Terminal} terminal
 * @param {string} bus
 */
async function usableRuntime(terminal, bus) {
  const installed = await findInstalledRuntime();
  if (installed === undefined) return undefined;
  const where = `Dapr ${installed.version} is installed in ${installed.bin}`;
  if (bus !== 'rabbitmq') {
    terminal.print(`  ✓ ${where}`);
  } else if (runtimeIsStale() && !findProgram('go')) {
    terminal.print(
      `  ! ${where}. It ${UNCONFIRMED}; with Go a Dapr would be built here that waits`,
    );
  } else {
    terminal.print(`  ! ${where}. It ${UNCONFIRMED}, so the Dapr that is built here is used`);
    return undefined;
  }
  return installed;
}

/** @param {import('./terminal.mjs').Terminal} terminal */
function checkMemory(terminal) {
  const free = availableMemory() / 1e9;
  if (free < MEMORY_NEEDED_GB) {
    terminal.print(
      `  ! Memory: ${free.toFixed(1)} GB free, ${MEMORY_NEEDED_GB} GB needed; close other programs if it becomes slow`,
    );
  } else {
    terminal.print(`  ✓ Memory: ${free.toFixed(1)} GB free`);
  }
}

/** @param {import('./terminal.mjs').Terminal} terminal */
function checkDisk(terminal) {
  const disk = statfsSync(root);
  const free = (disk.bavail * disk.bsize) / 1e9;
  if (free < DISK_NEEDED_GB) {
    throw new UserError(
      `Only ${free.toFixed(2)} GB of disk space are free in ${root}, and ${DISK_NEEDED_GB} GB are needed: free some space, then start again.`,
    );
  }
  terminal.print(`  ✓ Disk: ${free.toFixed(0)} GB free`);
}

/**
 * @param {import('./terminal.mjs').Terminal} terminal
 * @param {import('./project.mjs').App[]} apps
 */
async function checkPorts(terminal, apps) {
  const all = new Set(apps.flatMap(({ port, appPort }) => [port, appPort]));
  const ports = [...all].filter((port) => port > 0);
  const taken = [];
  for (const port of ports) {
    if (!(await isFree(port))) taken.push(`${port} by ${await describePortOwner(port)}`);
  }
  if (taken.length > 0) {
    throw new UserError(
      `These ports are in use: ${taken.join(', ')}. Stop these processes (is another "npm start" running?), then start again.`,
    );
  }
  terminal.print(`  ✓ Ports: all ${ports.length} free`);
}

/** npm comes with Node, but some packages of Node omit it. */
export function checkNpm() {
  if (!findProgram('npm')) throw new UserError('npm is missing: install it, then start again.');
}
