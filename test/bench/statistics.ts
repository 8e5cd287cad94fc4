import type { SeededRandom } from '../tools/seeded-random';

/** The value that this share of all (0 to 1) does not exceed: one of the values. */
export function percentile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new Error('there are no values');
  const sorted = values.toSorted((left, right) => left - right);
  const rank = Math.max(1, Math.ceil(share * sorted.length));
  // the rank is from 1 to the number of values
  return sorted[rank - 1]!;
}

/** The middle value; of an even number of values, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  return (
    (percentile(values, 0.5) +
      -percentile(
        values.map((value) => -value),
        0.5,
      )) /
    2
  );
}

/** The values of several rounds. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly rounds: number;
}

/** The median and the quartiles. */
export function spread(values: readonly number[]): Spread {
  return {
    median: median(values),
    low: percentile(values, 0.25),
    high: percentile(values, 0.75),
    rounds: values.length,
  };
}

/** The ratio of two measurements in each round; both have one value per round. */
export function ratios(ours: readonly number[], other: readonly number[]): Spread {
  if (ours.length !== other.length) throw new Error('the numbers of rounds differ');
  return spread(ours.map((value, round) => value / (other[round] ?? NaN)));
}

/** The first, the last, the last, the first, ...: a drift during a run affects all alike. */
export function abba<T>(items: readonly T[], round: number): T[] {
  return round % 2 === 0 ? [...items] : items.toReversed();
}

/** Arrival times of a Poisson process with this rate: milliseconds from 0. */
export function poisson(perSecond: number, count: number, random: SeededRandom): number[] {
  let at = 0;
  return Array.from({ length: count }, () => (at += random.pause(perSecond)));
}
