// @ts-check
import { readFileSync, statfsSync } from 'node:fs';
import { freemem } from 'node:os';
import { findProgram } from './commands.mjs';
import { Fault } from './fault.mjs';
import { holderOf, isFree } from './ports.mjs';
import { root } from './project.mjs';
import { checkBuildTools, findInstalledRuntime, runtimeIsStale } from './runtime.mjs';

const MEMORY_NEEDED_GB = 2;
const DISK_NEEDED_GB = 1;

/**
 * Looks at the machine before anything is changed.
 * @param {import('./terminal.mjs').Terminal} terminal
 * @param {import('./project.mjs').App[]} apps
 * @returns {Promise<import('./runtime.mjs').Runtime | undefined>} the Dapr installed here
 */
export async function preflight(terminal, apps) {
  terminal.say(`  ✓ Node ${process.versions.node} starts, the project's own runs the rest`);
  const installed = await findInstalledRuntime();
  if (installed) {
    terminal.say(`  ✓ Dapr ${installed.version} is installed`);
  } else if (runtimeIsStale()) {
    const go = await checkBuildTools();
    terminal.say(`  ✓ Dapr will be built, once, with ${go.replace(/^go/, 'Go ')}: about 7 minutes`);
  } else {
    terminal.say('  ✓ Dapr is built');
  }
  checkMemory(terminal);
  checkDisk(terminal);
  await checkPorts(terminal, apps);
  return installed;
}

/** @param {import('./terminal.mjs').Terminal} terminal */
function checkMemory(terminal) {
  const free = availableMemory() / 1e9;
  if (free < MEMORY_NEEDED_GB) {
    terminal.say(
      `  ! Memory: ${free.toFixed(1)} GB are free and ${MEMORY_NEEDED_GB} GB are used; close something if it gets slow`,
    );
  } else {
    terminal.say(`  ✓ Memory: ${free.toFixed(1)} GB free`);
  }
}

function availableMemory() {
  try {
    const available = /MemAvailable:\s+(\d+) kB/.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
    return available ? Number(available) * 1024 : freemem();
  } catch {
    return freemem();
  }
}

/** @param {import('./terminal.mjs').Terminal} terminal */
function checkDisk(terminal) {
  const disk = statfsSync(root);
  const free = (disk.bavail * disk.bsize) / 1e9;
  if (free < DISK_NEEDED_GB) {
    throw new Fault(
      `Only ${free.toFixed(2)} GB of disk are free in ${root}, and ${DISK_NEEDED_GB} GB are needed: free some, then start again.`,
    );
  }
  terminal.say(`  ✓ Disk: ${free.toFixed(0)} GB free`);
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
    if (!(await isFree(port))) taken.push(`${port} by ${await holderOf(port)}`);
  }
  if (taken.length > 0) {
    throw new Fault(
      `These ports are taken: ${taken.join(', ')}. Stop what holds them (another start of this?), then start again.`,
    );
  }
  terminal.say(`  ✓ Ports: all ${ports.length} free`);
}

/** npm comes with Node, but not in every package of it. */
export function checkNpm() {
  if (!findProgram('npm')) throw new Fault('npm is missing: install it, then start again.');
}
