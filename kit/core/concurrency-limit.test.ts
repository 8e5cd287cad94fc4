import { describe, expect, it } from '@jest/globals';
import { ConcurrencyLimit } from './concurrency-limit';

const bounds = { total: 10, perClient: 6, reserved: 4, reservedPerClient: 2 };

/** Takes places; the functions that give them back, and the refusals. */
function take(limit: ConcurrencyLimit, client: string, count: number) {
  const results = Array.from({ length: count }, () => limit.take(client));
  const places = results.filter((each) => typeof each === 'function');
  return { places, refused: results.filter((each) => typeof each === 'string') };
}

describe('a concurrency limit', () => {
  it('gives a client no more than its own part', () => {
    const limit = new ConcurrencyLimit(bounds);
    const { places, refused } = take(limit, 'a', 8);
    expect([places.length, refused]).toEqual([6, ['client', 'client']]);
  });

  it('keeps places for clients with few, although others take all they can', () => {
    const limit = new ConcurrencyLimit(bounds);
    take(limit, 'a', 6);
    expect(take(limit, 'b', 6).places).toHaveLength(2);
    expect(take(limit, 'c', 6).places).toHaveLength(2);
    expect(take(limit, 'd', 1).refused).toEqual(['total']);
    expect(limit.open).toBe(10);
  });

  it('counts a place until it is given back, and only once', () => {
    const limit = new ConcurrencyLimit(bounds);
    const { places } = take(limit, 'a', 6);
    places[0]?.();
    places[0]?.();
    expect([limit.open, limit.openOf('a')]).toEqual([5, 5]);
    expect(take(limit, 'a', 2)).toMatchObject({ refused: ['client'] });
    for (const giveBack of places) giveBack();
    expect(limit.openOf('a')).toBe(1);
  });
});
