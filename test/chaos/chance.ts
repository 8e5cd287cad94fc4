/** What looks like chance and comes from a seed: the same seed and name give the same again. */
export class Chance {
  #state: number;

  constructor(seed: number, name: string) {
    this.#state = seed >>> 0;
    // each name begins elsewhere, so that one more draw here changes nothing there
    for (const letter of name)
      this.#state = (Math.imul(this.#state, 31) + letter.charCodeAt(0)) >>> 0;
  }

  /** From 0 up to, but not, 1: mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  likely(probability: number): boolean {
    return this.next() < probability;
  }

  /** A whole number; both ends are possible. */
  int(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  /** Short and long ones alike: as likely from 2 to 4 as from 40 to 80. */
  spread(from: number, to: number): number {
    return from * (to / from) ** this.next();
  }

  /** The time to the next of things that come by themselves, so many a second: milliseconds. */
  pause(perSecond: number): number {
    return (-Math.log(1 - this.next()) / perSecond) * 1_000;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.int(0, items.length - 1)];
    if (item === undefined) throw new Error('there is nothing to pick from');
    return item;
  }

  /** One of the names, by their weights. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
    // Object.entries forgets the names of a record
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
