import { expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { target } from './target';
import { TARGETS } from './targets/table';

// A short form of `npm run fuzz`, always with the same inputs.

const SEED = 20_261_130;
const RUNS = 2_000;

jest.setTimeout(60_000);

test.each(Object.entries(TARGETS))('%s: every property holds', async (_, open) => {
  const opened = await open();
  const runs = Math.ceil(RUNS / opened.cost);
  const failure = await opened.fuzz({ runs, seed: SEED });
  await opened.close?.();
  expect(failure?.text).toBeUndefined();
});

const targetOf = (check: (input: string) => void) =>
  target({ name: 'bad', about: '', input: fc.string(), check, cost: 1 });

test('a failure names the seed and the smallest input, and can be repeated', async () => {
  const bad = targetOf((text) => {
    if (text.length > 3) throw new Error('too long');
  });
  const failure = await bad.fuzz({ runs: 1_000, seed: SEED });
  expect(failure?.text).toMatch(/bad fails with seed 20261130 and path [\d:]+\n {2}input: ".{4}"/);
  const again = await bad.fuzz({ runs: 1, seed: SEED, path: failure!.path });
  expect(again?.text.split('\n')[1]).toBe(failure!.text.split('\n')[1]);
});

test('a changed prototype is a failure', async () => {
  const polluted = targetOf(() => {
    Reflect.set(Object.prototype, 'polluted', 1);
  });
  const failure = await polluted.fuzz({ runs: 1, seed: SEED });
  Reflect.deleteProperty(Object.prototype, 'polluted');
  expect(failure?.text).toContain('a prototype of the process was changed');
});
