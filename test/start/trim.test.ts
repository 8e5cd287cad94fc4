import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { inProject } from '../../scripts/start/project.mjs';
import { trim } from '../../scripts/start/trim.mjs';
import { startSidecars } from '../harness/sidecars';
import type { RunningSystem } from '../harness/running-system';

let system: RunningSystem;

beforeAll(async () => {
  system = await startSidecars([{ appId: 'order' }]);
});
afterAll(() => system.stop());

const redis = (...words: string[]) =>
  execFileSync('redis-cli', ['-p', String(system.redisPort), ...words], { encoding: 'utf8' });

/** A topic with the entries 1-0, 2-0, ... 5-0, of which a group has read some. */
function topic(name: string, groups: Readonly<Record<string, number>>): void {
  for (let n = 1; n <= 5; n++) redis('XADD', name, `${n}-0`, 'data', String(n));
  for (const [group, read] of Object.entries(groups)) {
    redis('XGROUP', 'CREATE', name, group, '0');
    if (read > 0) {
      redis('XREADGROUP', 'GROUP', group, group, 'COUNT', String(read), 'STREAMS', name, '>');
    }
  }
}
const acknowledge = (name: string, group: string, ...ids: number[]) =>
  redis('XACK', name, group, ...ids.map((id) => `${id}-0`));
const left = (name: string) => redis('XRANGE', name, '-', '+').match(/\d+-0/g);

test('entries that all groups have acknowledged are removed', async () => {
  topic('both', { fast: 5, slow: 3 });
  acknowledge('both', 'fast', 1, 2, 3, 4, 5);
  acknowledge('both', 'slow', 1, 2, 3);
  expect(await trim(system.redisPort, 'both', 4)).toBe(2);
  expect(left('both')).toEqual(['3-0', '4-0', '5-0']);
});

test('entries that a group has not read or not acknowledged stay', async () => {
  topic('unread', { fast: 5, never: 0 });
  acknowledge('unread', 'fast', 1, 2, 3, 4, 5);
  expect(await trim(system.redisPort, 'unread', 0)).toBe(0);
  topic('pending', { one: 5 });
  acknowledge('pending', 'one', 1, 3, 4, 5);
  expect(await trim(system.redisPort, 'pending', 0)).toBe(1);
  expect(left('pending')).toEqual(['2-0', '3-0', '4-0', '5-0']);
});

test('a short or missing topic is left alone', async () => {
  topic('short', { one: 5 });
  acknowledge('short', 'one', 1, 2, 3, 4, 5);
  expect(await trim(system.redisPort, 'short', 5)).toBe(0);
  expect(await trim(system.redisPort, 'nowhere', 0)).toBe(0);
});

describe('without `npm start`', () => {
  const script = inProject('components', 'bus', 'redis', 'trim.sh');
  const run = (password?: string) =>
    execFileSync('sh', [script, '-p', String(system.redisPort)], {
      encoding: 'utf8',
      env: { ...process.env, KEEP: '4', REDISCLI_AUTH: password },
      stdio: 'pipe',
    });

  test('trim.sh trims every topic, and fails if it cannot log in', () => {
    topic('by.script', { one: 5 });
    acknowledge('by.script', 'one', 1, 2, 3);
    expect(run()).toContain('by.script: 3 entries deleted\n');
    expect(left('by.script')).toEqual(['4-0', '5-0']);

    redis('CONFIG', 'SET', 'requirepass', 'only-in-this-test');
    expect(() => run()).toThrow(/NOAUTH/);
    expect(() => run('another')).toThrow(/WRONGPASS/);
    expect(run('only-in-this-test')).toBe('');
  });
});
