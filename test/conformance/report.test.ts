import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { inProject } from '../../scripts/start/project.mjs';
import { BUSES, STATES } from '../harness/transports';
import { inversions } from './order';
import { document, known } from './report';
import { expected, expectedOfStore, storeSuite, suite } from './suite';

test('docs/brokers.md is the page of the results in docs/brokers.json', () => {
  expect(readFileSync(inProject('docs', 'brokers.md'), 'utf8')).toBe(document(known()));
});

test.each(BUSES)('docs/brokers.json has every asserted behaviour on %s', (bus) => {
  const measured = known().brokers[bus] ?? {};
  for (const [name] of suite) expect(measured[name]?.facts).toEqual(expected(name, bus));
  expect(Object.keys(measured)).toHaveLength(suite.length);
});

test.each(STATES)('docs/brokers.json has every asserted behaviour of documents in %s', (state) => {
  const measured = known().stores[state] ?? {};
  for (const [name] of storeSuite) {
    expect(measured[name]?.facts).toEqual(expectedOfStore(name, state));
  }
  expect(Object.keys(measured)).toHaveLength(storeSuite.length);
});

test('an event that begins after a later one of its key is an inversion', () => {
  const begun = (id: string, key: string, n: number) => ({ id, key, n });
  const entries = [begun('a', 'k', 1), begun('c', 'k', 3), begun('b', 'k', 2), begun('d', 'l', 1)];
  expect(inversions([...entries, begun('a', 'k', 1)])).toBe(1);
});
