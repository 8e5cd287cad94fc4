import type { Limit } from './tiers';

/** State of a limit after a request was counted. */
export interface Count {
  readonly limit: Limit;
  /** Requests left in the window. */
  readonly left: number;
  readonly isOver: boolean;
  /** Milliseconds until the window ends. */
  readonly resetMs: number;
}

/** Windows kept for one limit, about 3 MB. */
const MAX_WINDOWS = 20_000;

/**
 * Counts requests in this process, in windows that begin with the first request of a key.
 *
 * RateLimiterMemory of rate-limiter-flexible is not used here: it is unbounded and holds a timer for
 * each key. A flood of 200,000 addresses under three limits took 240 MB with it. It also returns a
 * promise, so that every request would wait for it: 0.8 µs instead of 0.35 µs for three limits.
 */
export class LocalCounter {
  /** In the order in which they end, since all windows have the same length. */
  readonly #windows = new Map<string, { requests: number; readonly until: number }>();

  constructor(private readonly limit: Limit) {}

  /** Number of keys that have a window. */
  get size(): number {
    return this.#windows.size;
  }

  count(key: string, now: number): Count {
    const { limit } = this;
    let window = this.#windows.get(key);
    if (window === undefined || window.until <= now) {
      this.#windows.delete(key);
      window = { requests: 0, until: now + limit.window * 1000 };
      this.#windows.set(key, window);
      this.#prune(now);
    }
    window.requests++;
    return {
      limit,
      left: Math.max(0, limit.quota - window.requests),
      isOver: window.requests > limit.quota,
      resetMs: window.until - now,
    };
  }

  /** Removes windows that ended, and the oldest ones beyond MAX_WINDOWS. */
  #prune(now: number): void {
    for (const [key, { until }] of this.#windows) {
      if (until > now && this.#windows.size <= MAX_WINDOWS) return;
      this.#windows.delete(key);
    }
  }
}
