import type { Counter as Metric } from 'prom-client';
import { type RateLimiterAbstract, RateLimiterRes } from 'rate-limiter-flexible';
import type { Clock } from '#kit/core/clock';
import { deterministicId } from '#kit/core/deterministic-id';
import { type Count as LocalCount, LocalCounter } from '#kit/core/local-counter';
import { type SharedStore, sharedCounter } from './shared-counters';
import type { Limit, Tier } from './tiers';

export type Count = LocalCount<Limit>;

/** Without an answer of the store in this time, the replica counts by itself. */
const STORE_TIMEOUT_MS = 250;
/** Pause after a failure of the store, so that not every request waits for it. */
const STORE_PAUSE_MS = 1_000;

/** A longer subject is kept as its hash. */
const MAX_KEY = 200;

/** `away`: there is a store, but it failed, and this replica counts by itself. */
export type StoreStatus = 'none' | 'reached' | 'away';

/** Counts requests by limit: in a store that the replicas share, or in this process without one. */
export class Counters {
  readonly #local = new Map<Limit, LocalCounter<Limit>>();
  readonly #shared = new Map<Limit, RateLimiterAbstract>();
  #pausedUntil = 0;

  constructor(
    private readonly store: SharedStore | undefined,
    private readonly clock: Clock,
    private readonly failures: Metric,
  ) {}

  get storeStatus(): StoreStatus {
    if (this.store === undefined) return 'none';
    return this.clock.now() < this.#pausedUntil ? 'away' : 'reached';
  }

  /**
   * Counts a request of a subject by each limit in turn, up to the first that is exceeded. While the
   * store fails, only the requests of this process count. Synchronous without a store.
   */
  count(tier: Tier, subject: readonly string[]): Count[] | Promise<Count[]> {
    const { store } = this;
    // the key in the store is a hash, as it must reveal no name or address
    if (store !== undefined) return this.#countShared(store, tier, deterministicId(...subject));
    // of its own length if that is short, since keys are kept until their window ends
    const key =
      subject.join(' ').length > MAX_KEY ? deterministicId(...subject) : JSON.stringify(subject);
    const now = this.clock.now();
    const counts: Count[] = [];
    for (const limit of tier) {
      const count = this.#localCounter(limit).count(key, now);
      counts.push(count);
      if (count.isOver) break;
    }
    return counts;
  }

  async #countShared(store: SharedStore, tier: Tier, key: string): Promise<Count[]> {
    const counts: Count[] = [];
    for (const limit of tier) {
      const shared = await this.#consume(store, limit, key);
      const count = shared ?? this.#localCounter(limit).count(key, this.clock.now());
      counts.push(count);
      if (count.isOver) break;
    }
    return counts;
  }

  #localCounter(limit: Limit): LocalCounter<Limit> {
    const counter = this.#local.get(limit) ?? new LocalCounter(limit);
    this.#local.set(limit, counter);
    return counter;
  }

  /** The count in the store; undefined if the store fails or is paused. */
  async #consume(store: SharedStore, limit: Limit, key: string): Promise<Count | undefined> {
    if (this.storeStatus === 'away') return undefined;
    const limiter = this.#shared.get(limit) ?? sharedCounter(store, limit);
    this.#shared.set(limit, limiter);
    try {
      return await withTimeout(STORE_TIMEOUT_MS, countIn(limiter, limit, key));
    } catch {
      this.failures.inc();
      this.#pausedUntil = this.clock.now() + STORE_PAUSE_MS;
      return undefined;
    }
  }
}

async function countIn(limiter: RateLimiterAbstract, limit: Limit, key: string): Promise<Count> {
  try {
    return toCount(limit, await limiter.consume(key), false);
  } catch (error) {
    // it rejects with the count if the quota is exceeded, and with an Error if the store failed
    if (error instanceof RateLimiterRes) return toCount(limit, error, true);
    throw error;
  }
}

function toCount(limit: Limit, result: RateLimiterRes, isOver: boolean): Count {
  return { limit, left: result.remainingPoints, isOver, resetMs: result.msBeforeNext };
}

async function withTimeout<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new Error('timed out'));
  }, milliseconds);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
