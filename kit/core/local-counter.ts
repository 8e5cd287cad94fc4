/** `quota` requests in `window` seconds. */
export interface RequestLimit {
  readonly name: string;
  readonly quota: number;
  readonly window: number;
}

/** State of a limit after a request was counted. */
export interface Count<L extends RequestLimit = RequestLimit> {
  readonly limit: L;
  /** Requests left in the window. */
  readonly left: number;
  readonly isOver: boolean;
  /** Milliseconds until the window ends. */
  readonly resetMs: number;
}

/** Windows kept for one limit, about 3 MB. */
const MAX_WINDOWS = 20_000;
/** Places of the queue that are reused together: rarely enough that moving the rest costs nothing. */
const TRIM = 4_096;

interface Window {
  readonly key: string;
  requests: number;
  readonly until: number;
}

/**
 * Counts requests in this process, in windows that begin with the first request of a key. A key is at
 * most some dozen characters: it is kept until its window ends.
 *
 * RateLimiterMemory of rate-limiter-flexible is not used here: it is unbounded and holds a timer for
 * each key. A flood of 200,000 addresses under three limits took 240 MB with it. It also returns a
 * promise, so that every request would wait for it: 0.8 µs instead of 0.35 µs for three limits.
 */
export class LocalCounter<L extends RequestLimit = RequestLimit> {
  readonly #windows = new Map<string, Window>();
  // All windows, in the order in which they end, since they have the same length. The Map has that
  // order too, but a walk from its begin passes over all deleted entries: 30 µs for each request of a
  // flood of 200,000 addresses, instead of 0.4 µs.
  #queue: Window[] = [];
  #first = 0;

  constructor(private readonly limit: L) {}

  /** Number of keys that have a window. */
  get size(): number {
    return this.#windows.size;
  }

  count(key: string, now: number): Count<L> {
    const { limit } = this;
    let window = this.#windows.get(key);
    if (window === undefined || window.until <= now) {
      window = { key, requests: 0, until: now + limit.window * 1000 };
      this.#windows.set(key, window);
      this.#queue.push(window);
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
    for (;;) {
      const oldest = this.#queue[this.#first];
      if (oldest === undefined) break;
      if (oldest.until > now && this.#queue.length - this.#first <= MAX_WINDOWS) break;
      // a key that was counted again since then has a newer window
      if (this.#windows.get(oldest.key) === oldest) this.#windows.delete(oldest.key);
      this.#first++;
    }
    if (this.#first < TRIM) return;
    this.#queue = this.#queue.slice(this.#first);
    this.#first = 0;
  }
}
