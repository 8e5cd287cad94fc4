/** A sequence of numbers that look like chance, the same for the same seed (mulberry32). */
export class Chance {
  #state: number;

  /** Each name has a sequence of its own, so that what one draws does not change what another gets. */
  constructor(seed: number, name = '') {
    let hash = seed ^ 0x811c9dc5;
    for (let index = 0; index < name.length; index++) {
      hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
    }
    this.#state = hash;
  }

  /** At least 0, less than 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number of milliseconds; most are near `from`. */
  delay(from: number, to: number): number {
    return from + Math.floor((to - from) * this.next() ** 3);
  }

  coin(): boolean {
    return this.next() < 0.5;
  }

  one<T>(of: readonly T[]): T {
    const chosen = of[Math.floor(this.next() * of.length)];
    if (chosen === undefined) throw new Error('there is nothing to choose from');
    return chosen;
  }
}
