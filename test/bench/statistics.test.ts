import { describe, expect, test } from '@jest/globals';
import { abba, median, percentile, poisson, ratios, spread } from './statistics';
import { SeededRandom } from '../tools/seeded-random';

const upTo = (count: number) => Array.from({ length: count }, (_, index) => count - index);

describe('a percentile', () => {
  test.each([
    [0, 1],
    [0.5, 50],
    [0.95, 95],
    [0.99, 99],
    [0.999, 100],
    [1, 100],
  ])('of %d of the numbers to 100 is %d', (share, value) => {
    expect(percentile(upTo(100), share)).toBe(value);
  });

  test('is one of the values, however few there are', () => {
    expect(percentile([7], 0.99)).toBe(7);
    expect(percentile([9, 100], 0.5)).toBe(9);
    expect(() => percentile([], 0.5)).toThrow('no values');
  });

  test('does not change the values', () => {
    const values = [3, 1, 2];
    percentile(values, 0.5);
    expect(values).toEqual([3, 1, 2]);
  });
});

test('a median is the middle value, or the mean of the two in the middle', () => {
  expect(median([3, 1, 20])).toBe(3);
  expect(median([4, 1, 20, 2])).toBe(3);
});

test('a spread is the median with the quartiles', () => {
  expect(spread([1, 2, 3, 4, 5, 6, 7, 80])).toEqual({ median: 4.5, low: 2, high: 6, rounds: 8 });
});

test('a ratio is taken round by round, so that a slow round weighs no more than any other', () => {
  expect(ratios([10, 100, 12], [5, 50, 4])).toEqual({ median: 2, low: 2, high: 3, rounds: 3 });
  expect(() => ratios([1], [1, 2])).toThrow('numbers of rounds differ');
});

test('the order of rounds alternates', () => {
  expect([0, 1, 2].flatMap((round) => abba(['a', 'b', 'c'], round)).join('')).toBe('abccbaabc');
});

describe('arrivals', () => {
  test('are the same for the same seed, and differ for another one', () => {
    const of = (seed: number) => poisson(10, 20, new SeededRandom(seed, 'arrivals'));
    expect(of(1)).toEqual(of(1));
    expect(of(1)).not.toEqual(of(2));
  });

  test('have the configured rate, with exponential gaps', () => {
    const times = poisson(50, 20_000, new SeededRandom(42, 'arrivals'));
    const gaps = times.map((time, index) => time - (times[index - 1] ?? 0));
    expect(times.at(-1)! / 20_000).toBeCloseTo(20, 0);
    // in an exponential distribution a share of 1 - 1/e is below the mean
    const below = gaps.filter((gap) => gap < 20).length / gaps.length;
    expect(below).toBeCloseTo(1 - 1 / Math.E, 2);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(0);
  });
});
