import { expect, it } from '@jest/globals';
import { hasEntry, setFor, ttlCache } from './ttl-cache';

it('returns a value until it expires', () => {
  let now = 1_000;
  const cache = ttlCache<string>(2, { now: () => now });
  expect(cache.get('a')).toBeUndefined();
  setFor(cache, 'a', 'first', 10);
  now = 1_009;
  expect(cache.get('a')).toBe('first');
  now = 1_010;
  expect(cache.get('a')).toBeUndefined();
  setFor(cache, 'a', 'second', 10);
  expect(cache.get('a')).toBe('second');
});

it('evicts the oldest entry when it is full', () => {
  const cache = ttlCache<string>(2, { now: () => 1_000 });
  setFor(cache, 'a', 'a', 10);
  setFor(cache, 'b', 'b', 10);
  // set again, so it is the most recent one
  setFor(cache, 'a', 'a', 10);
  setFor(cache, 'c', 'c', 10);
  expect(['a', 'b', 'c'].map((key) => cache.get(key))).toEqual(['a', undefined, 'c']);
});

it('knows that it held a value after the value has expired, until it is deleted', () => {
  let now = 1_000;
  const cache = ttlCache<string>(2, { now: () => now });
  setFor(cache, 'a', 'a', 10);
  now = 2_000;
  expect(cache.get('a')).toBeUndefined();
  expect([hasEntry(cache, 'a'), hasEntry(cache, 'b')]).toEqual([true, false]);
  cache.delete('a');
  expect(hasEntry(cache, 'a')).toBe(false);
});

it('does not cache a value without a positive time to live', () => {
  const cache = ttlCache<string>(2, { now: () => 1_000 });
  for (const milliseconds of [-5, 0]) setFor(cache, 'a', 'a', milliseconds);
  expect(cache.get('a')).toBeUndefined();
});
