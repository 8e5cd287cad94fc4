import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../core/clock';

/** Time that stands still, but for those who sleep: their time passes at once, in its order. */
export class FakeClock implements Clock {
  readonly #sleepers = new Set<{ due: number }>();
  #woken = 0;

  constructor(private time = Date.parse('2026-01-01T00:00:00Z')) {}

  now(): number {
    return this.time;
  }

  advance(milliseconds: number): void {
    this.time += milliseconds;
  }

  async sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    const sleeper = { due: this.time + milliseconds };
    this.#sleepers.add(sleeper);
    try {
      let woken: number;
      do {
        woken = this.#woken;
        // work that is ready goes first, as it would within any real time
        for (let turns = 0; turns < 5; turns++) await turn();
        signal?.throwIfAborted();
      } while (woken !== this.#woken || this.#someoneBefore(sleeper.due));
      this.#woken++;
      this.time = Math.max(this.time, sleeper.due);
    } finally {
      this.#sleepers.delete(sleeper);
    }
  }

  #someoneBefore(due: number): boolean {
    return [...this.#sleepers].some((other) => other.due < due);
  }
}
