// @ts-check
import { run } from './commands.mjs';

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
