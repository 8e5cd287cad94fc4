import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../core/clock';

/**
 * A clock that advances only when asked to, or to the end of a sleep. Sleeps resolve without real delay,
 * in the order of their ends.
 */
export class FakeClock implements Clock {
  readonly #sleepers = new Set<{ due: number }>();
  #wakeUps = 0;

  constructor(private time = Date.parse('2026-01-01T00:00:00Z')) {}

  now(): number {
    return this.time;
  }

  /** Moves the time forward. Sleeps that end before it resolve when they next run. */
  advance(milliseconds: number): void {
    this.time += milliseconds;
  }

  async sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    const sleeper = { due: this.time + milliseconds };
    this.#sleepers.add(sleeper);
    try {
      let wakeUps: number;
      do {
        wakeUps = this.#wakeUps;
        // work that is ready runs first, as it would during any real delay
        for (let turns = 0; turns < 5; turns++) await turn();
        signal?.throwIfAborted();
      } while (wakeUps !== this.#wakeUps || this.#isAnotherDueBefore(sleeper.due));
      this.#wakeUps++;
      this.time = Math.max(this.time, sleeper.due);
    } finally {
      this.#sleepers.delete(sleeper);
    }
  }

  #isAnotherDueBefore(due: number): boolean {
    return [...this.#sleepers].some((other) => other.due < due);
  }
}
