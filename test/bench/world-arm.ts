import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Process } from '../harness/process';
import { readRunFile } from '../harness/run-file';
import { until } from '../harness/until';
import type { World } from '../harness/world';
import { type Cpu, cpuOf } from './cpu';

const run = promisify(execFile);

// What an arm that consists of a World has in common with others that do.

export function processesOf(world: World): Process[] {
  return [...world.apps.flatMap(({ processes }) => processes), ...world.servers];
}

/** Without what stands in for something outside of the system, such as the payment provider. */
export function cpuOfWorld(world: World): Cpu {
  const outside = readRunFile().apps.filter(({ appPort }) => appPort === undefined);
  const names = new Set(outside.map(({ appID }) => appID));
  const counted = processesOf(world).filter(({ name }) => !names.has(name));
  return cpuOf(Object.fromEntries(counted.map(({ name, pid }) => [name, pid])));
}

export function pauseWorld(world: World): void {
  for (const process of processesOf(world)) process.signal('SIGSTOP');
}

/** Servers first, so that whoever needs them finds them. */
export function resumeWorld(world: World): void {
  for (const process of processesOf(world).reverse()) process.signal('SIGCONT');
}

/** Whose events are not acknowledged, whether they were delivered or not yet. */
const UNDONE = `
  local undone = {}
  for _, topic in ipairs(redis.call('KEYS', '*')) do
    if redis.call('TYPE', topic).ok == 'stream' then
      local last = redis.call('XREVRANGE', topic, '+', '-', 'COUNT', 1)[1]
      for _, group in ipairs(redis.call('XINFO', 'GROUPS', topic)) do
        local known = {}
        for at = 1, #group, 2 do known[group[at]] = group[at + 1] end
        local ahead = last and last[1] ~= known['last-delivered-id']
        if known.pending > 0 or ahead then
          local rest = ahead and ', and some not delivered' or ''
          table.insert(undone, known.name .. ' has ' .. known.pending .. ' of ' .. topic .. ' in hand' .. rest)
        end
      end
    end
  end
  return table.concat(undone, '; ')`;

/** Settles when every event on the bus is acknowledged by all who hear it. */
export async function busSettled(world: World, withinMs = 60_000): Promise<void> {
  const args = ['-p', String(world.redisPort), 'EVAL', UNDONE, '0'];
  let undone = '';
  try {
    await until(
      'the bus',
      async () => (undone = (await run('redis-cli', args)).stdout.trim()) === '',
      withinMs,
    );
  } catch (error) {
    const late = world.apps.filter(({ id }) => undone.includes(`${id} has`));
    const logs = late.flatMap(({ processes }) => processes.map((process) => process.tail()));
    throw new Error([`events are not acknowledged: ${undone}`, ...logs].join('\n'), {
      cause: error,
    });
  }
}
