/** Pseudo-random numbers (mulberry32): the same seed and name always give the same sequence. */
export class SeededRandom {
  #state: number;

  /** Each name has a sequence of its own, so that one more draw from one leaves the others unchanged. */
  constructor(seed: number, name: string) {
    this.#state = seed >>> 0;
    for (const letter of name)
      this.#state = (Math.imul(this.#state, 31) + letter.charCodeAt(0)) >>> 0;
  }

  /** At least 0, less than 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** True with this probability; an even chance by default. */
  likely(probability = 0.5): boolean {
    return this.next() < probability;
  }

  /** A whole number from `from` to `to`, both included. */
  int(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  /** Log-uniform: a value from 2 to 4 is as likely as one from 40 to 80. */
  spread(from: number, to: number): number {
    return from * (to / from) ** this.next();
  }

  /** Whole milliseconds from `from` to less than `to`, most of them near `from`: a latency. */
  delay(from: number, to: number): number {
    return from + Math.floor((to - from) * this.next() ** 3);
  }

  /** Milliseconds until the next event of a Poisson process with this rate. */
  pause(perSecond: number): number {
    return (-Math.log(1 - this.next()) / perSecond) * 1_000;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.int(0, items.length - 1)];
    if (item === undefined) throw new Error('there is nothing to pick from');
    return item;
  }

  /** One of the names, each as likely as its weight. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
    // Object.entries loses the type of a record's keys
    const entries = Object.entries(weights) as [K, number][];
    let left = this.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [name, weight] of entries) {
      left -= weight;
      if (left < 0) return name;
    }
    return this.pick(entries)[0];
  }

  shuffled<T>(items: readonly T[]): T[] {
    return items
      .map((item) => ({ item, at: this.next() }))
      .sort((one, other) => one.at - other.at)
      .map(({ item }) => item);
  }
}
