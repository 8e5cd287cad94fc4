import type { Counter as Metric } from 'prom-client';
import { RateLimiterMemory, RateLimiterRes, type RateLimiterAbstract } from 'rate-limiter-flexible';
import type { Clock } from '#kit/clock';
import { type Shared, sharedCounter } from './shared-counters';
import type { Limit } from './tiers';

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

/** Counts who asks how often: here, or with the other replicas in a store. */
export class Counters {
  readonly #here = new Map<Limit, RateLimiterAbstract>();
  readonly #shared = new Map<Limit, RateLimiterAbstract>();
  #restUntil = 0;

  constructor(
    private readonly store: Shared | undefined,
    private readonly clock: Clock,
    private readonly failures: Metric,
  ) {}

  /** Whether counts are kept apart from the other replicas', as the store they share is away. */
  get isAlone(): boolean {
    return this.store !== undefined && this.clock.now() < this.#restUntil;
  }

  /** Counts one more request. Without an answer of the store, only those of this process are known. */
  async count(limit: Limit, key: string): Promise<Count> {
    const count = this.store === undefined ? undefined : await this.#together(limit, key);
    return count ?? this.#counted(this.#limiter(this.#here, limit, memoryCounter), limit, key);
  }

  async #together(limit: Limit, key: string): Promise<Count | undefined> {
    const { store } = this;
    if (store === undefined || this.isAlone) return undefined;
    const limiter = this.#limiter(this.#shared, limit, (each) => sharedCounter(store, each));
    try {
      return await within(ANSWER_MS, this.#counted(limiter, limit, key));
    } catch {
      this.failures.inc();
      this.#restUntil = this.clock.now() + REST_MS;
      return undefined;
    }
  }

  #limiter(
    limiters: Map<Limit, RateLimiterAbstract>,
    limit: Limit,
    make: (limit: Limit) => RateLimiterAbstract,
  ): RateLimiterAbstract {
    const known = limiters.get(limit) ?? make(limit);
    limiters.set(limit, known);
    return known;
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

function memoryCounter({ name, quota, window }: Limit): RateLimiterAbstract {
  return new RateLimiterMemory({ keyPrefix: name, points: quota, duration: window });
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
