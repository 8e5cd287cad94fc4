import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { trim } from '../../scripts/start/trim.mjs';
import { startSidecars } from '../harness/sidecars';
import type { World } from '../harness/world';

let world: World;

beforeAll(async () => {
  world = await startSidecars([{ appId: 'order' }]);
});
afterAll(() => world.stop());

const redis = (...words: string[]) =>
  execFileSync('redis-cli', ['-p', String(world.redisPort), ...words], { encoding: 'utf8' });

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

test('what all have acknowledged goes', async () => {
  topic('both', { fast: 5, slow: 3 });
  acknowledge('both', 'fast', 1, 2, 3, 4, 5);
  acknowledge('both', 'slow', 1, 2, 3);
  expect(await trim(world.redisPort, 'both', 4)).toBe(2);
  expect(left('both')).toEqual(['3-0', '4-0', '5-0']);
});

test('what one has not read, or has not acknowledged, stays', async () => {
  topic('unread', { fast: 5, never: 0 });
  acknowledge('unread', 'fast', 1, 2, 3, 4, 5);
  expect(await trim(world.redisPort, 'unread', 0)).toBe(0);
  topic('pending', { one: 5 });
  acknowledge('pending', 'one', 1, 3, 4, 5);
  expect(await trim(world.redisPort, 'pending', 0)).toBe(1);
  expect(left('pending')).toEqual(['2-0', '3-0', '4-0', '5-0']);
});

test('a topic that is short, or is not there, is left alone', async () => {
  topic('short', { one: 5 });
  acknowledge('short', 'one', 1, 2, 3, 4, 5);
  expect(await trim(world.redisPort, 'short', 5)).toBe(0);
  expect(await trim(world.redisPort, 'nowhere', 0)).toBe(0);
});
