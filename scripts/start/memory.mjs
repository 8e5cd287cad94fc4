// @ts-check
import { readFileSync } from 'node:fs';
import { freemem } from 'node:os';
import { run } from './commands.mjs';

/** The memory that new processes can use, in bytes. */
export function availableMemory() {
  try {
    const available = /MemAvailable:\s+(\d+) kB/.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
    return available ? Number(available) * 1024 : freemem();
  } catch {
    return freemem();
  }
}

/**
 * The resident memory of all processes in these process groups, such as "2.9 GB".
 * @param {number[]} groups
 */
export async function memoryOf(groups) {
  const { output } = await run('ps', ['-A', '-o', 'pgid=,rss=']);
  let kilobytes = 0;
  for (const line of output.split('\n')) {
    const [group = 0, rss = 0] = line.trim().split(/\s+/).map(Number);
    if (groups.includes(group)) kilobytes += rss;
  }
  return `${(kilobytes / 1e6).toFixed(1)} GB`;
}
