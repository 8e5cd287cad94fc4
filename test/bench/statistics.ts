/** The value that this share of all (0 to 1) does not exceed, exactly: one of the values. */
export function percentile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new Error('there is no percentile of nothing');
  const sorted = values.toSorted((left, right) => left - right);
  const rank = Math.max(1, Math.ceil(share * sorted.length));
  // the rank is from 1 to the number of values
  return sorted[rank - 1]!;
}

/** The middle one; of an even number, the mean of the two in the middle. */
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

/** What was seen in several rounds. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly rounds: number;
}

/** The median and the quartiles around it. */
export function spread(values: readonly number[]): Spread {
  return {
    median: median(values),
    low: percentile(values, 0.25),
    high: percentile(values, 0.75),
    rounds: values.length,
  };
}

/** How much one took of the other in each round, of which both have one value. */
export function ratios(ours: readonly number[], other: readonly number[]): Spread {
  if (ours.length !== other.length) throw new Error('these are not of the same rounds');
  return spread(ours.map((value, round) => value / (other[round] ?? NaN)));
}

/** The first, the last, the last, the first, ...: what drifts in a run falls on all alike. */
export function abba<T>(items: readonly T[], round: number): T[] {
  return round % 2 === 0 ? [...items] : items.toReversed();
}

/** A generator of numbers from 0 up to 1 that gives the same again from the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** When things come that know nothing of one another, so many a second: times from 0, in ms. */
export function poisson(perSecond: number, count: number, random: () => number): number[] {
  let at = 0;
  return Array.from({ length: count }, () => (at += (-Math.log(1 - random()) / perSecond) * 1000));
}
