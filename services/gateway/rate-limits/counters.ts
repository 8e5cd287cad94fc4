import type { Counter as Metric } from 'prom-client';
import { RateLimiterRes, type RateLimiterAbstract } from 'rate-limiter-flexible';
import type { Clock } from '#kit/core/clock';
import { deterministicId } from '#kit/core/deterministic-id';
import { type Shared, sharedCounter } from './shared-counters';
import type { Limit, Tier } from './tiers';

/** How a limit stands for one who asked. */
export interface Count {
  readonly limit: Limit;
  readonly left: number;
  readonly isOver: boolean;
  /** Milliseconds until it begins anew. */
  readonly resetMs: number;
}

/** A store that does not answer within this is as good as gone. */
const ANSWER_MS = 250;
/** So long it is then left alone: not every request shall wait for it. */
const REST_MS = 1_000;
/** So many are counted at once by one limit: some 3 MB. */
const MAX_WINDOWS = 20_000;

/** Counts who asks how often: here, or with the other replicas in a store. */
export class Counters {
  readonly #here = new Map<Limit, OwnCounter>();
  readonly #shared = new Map<Limit, RateLimiterAbstract>();
  #restUntil = 0;

  constructor(
    private readonly shared: Shared | undefined,
    private readonly clock: Clock,
    private readonly failures: Metric,
  ) {}

  /** `away`: counts are kept apart from the other replicas', which they are shared with else. */
  get store(): 'none' | 'reached' | 'away' {
    if (this.shared === undefined) return 'none';
    return this.clock.now() < this.#restUntil ? 'away' : 'reached';
  }

  /**
   * Counts one more request of somebody by one limit after the other: what is refused by one is not
   * counted by the next. Without an answer of the store, only those of this process are known.
   * Nobody waits where there is no store.
   */
  count(tier: Tier, whom: readonly string[]): Count[] | Promise<Count[]> {
    const { shared } = this;
    if (shared !== undefined) return this.#countTogether(shared, tier, deterministicId(...whom));
    const key = JSON.stringify(whom);
    const now = this.clock.now();
    const counts: Count[] = [];
    for (const limit of tier) {
      const count = this.#own(limit).count(key, now);
      counts.push(count);
      if (count.isOver) break;
    }
    return counts;
  }

  /** The key is a hash: no name or address of anybody is a key in a store. */
  async #countTogether(shared: Shared, tier: Tier, key: string): Promise<Count[]> {
    const counts: Count[] = [];
    for (const limit of tier) {
      const together = await this.#together(shared, limit, key);
      const count = together ?? this.#own(limit).count(key, this.clock.now());
      counts.push(count);
      if (count.isOver) break;
    }
    return counts;
  }

  #own(limit: Limit): OwnCounter {
    const own = this.#here.get(limit) ?? new OwnCounter(limit);
    this.#here.set(limit, own);
    return own;
  }

  async #together(shared: Shared, limit: Limit, key: string): Promise<Count | undefined> {
    if (this.store === 'away') return undefined;
    const limiter = this.#shared.get(limit) ?? sharedCounter(shared, limit);
    this.#shared.set(limit, limiter);
    try {
      return await within(ANSWER_MS, this.#counted(limiter, limit, key));
    } catch {
      this.failures.inc();
      this.#restUntil = this.clock.now() + REST_MS;
      return undefined;
    }
  }

  async #counted(limiter: RateLimiterAbstract, limit: Limit, key: string): Promise<Count> {
    try {
      return counted(limit, await limiter.consume(key), false);
    } catch (error) {
      // it rejects with the count where that is too high, and with an error where it has none
      if (error instanceof RateLimiterRes) return counted(limit, error, true);
      throw error;
    }
  }
}

/** Counts in this process, in windows that begin with the first request. */
export class OwnCounter {
  /** In the order in which they end, as all windows are as long. */
  readonly #windows = new Map<string, { asked: number; readonly until: number }>();

  constructor(private readonly limit: Limit) {}

  /** Of how many it keeps a count. */
  get size(): number {
    return this.#windows.size;
  }

  count(key: string, now: number): Count {
    const { limit } = this;
    let window = this.#windows.get(key);
    if (window === undefined || window.until <= now) {
      this.#windows.delete(key);
      window = { asked: 0, until: now + limit.window * 1000 };
      this.#windows.set(key, window);
      this.#forget(now);
    }
    window.asked++;
    return {
      limit,
      left: Math.max(0, limit.quota - window.asked),
      isOver: window.asked > limit.quota,
      resetMs: window.until - now,
    };
  }

  /** Those that have ended; and the oldest where there are too many, as of a flood of addresses. */
  #forget(now: number): void {
    for (const [key, { until }] of this.#windows) {
      if (until > now && this.#windows.size <= MAX_WINDOWS) return;
      this.#windows.delete(key);
    }
  }
}

function counted(limit: Limit, result: RateLimiterRes, isOver: boolean): Count {
  return { limit, left: result.remainingPoints, isOver, resetMs: result.msBeforeNext };
}

async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new Error('no answer in time'));
  }, milliseconds);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
