import type { Clock } from '../core/clock';

/** Limits of concurrent streams. `failed`: streams that failed to authenticate in the current minute. */
const LIMITS = {
  total: 5_000,
  perAddress: 500,
  unauthenticated: 200,
  unauthenticatedPerAddress: 10,
  failedPerAddress: 30,
};

/** A stream that counts towards the limits until it is released. */
export interface StreamSlot {
  readonly isAuthenticated: boolean;
  authenticate(): void;
  /** Counts that the client failed to authenticate. */
  countFailure(): void;
  release(): void;
}

interface AddressCounts {
  total: number;
  unauthenticated: number;
}

/**
 * Counts the streams of clients, so that one address cannot take those of all others, and streams that
 * are not authenticated cannot take those that are.
 */
export class StreamLimits {
  readonly #limits: typeof LIMITS;
  readonly #counts = new Map<string, AddressCounts>();
  readonly #failed = new Map<string, number>();
  #minute = 0;
  #total = 0;
  #unauthenticated = 0;

  constructor(
    private readonly clock: Pick<Clock, 'now'>,
    limits: Partial<typeof LIMITS> = {},
  ) {
    this.#limits = { ...LIMITS, ...limits };
  }

  /** A slot for a stream of this address, or the reason why there is none. */
  take(address: string): StreamSlot | 'too_many_streams' | 'too_many_failures' {
    const limits = this.#limits;
    const counts = this.#counts.get(address) ?? { total: 0, unauthenticated: 0 };
    if (this.#failuresOf(address) >= limits.failedPerAddress) return 'too_many_failures';
    const isFull =
      this.#total >= limits.total ||
      this.#unauthenticated >= limits.unauthenticated ||
      counts.total >= limits.perAddress ||
      counts.unauthenticated >= limits.unauthenticatedPerAddress;
    if (isFull) return 'too_many_streams';
    this.#counts.set(address, counts);
    this.#add(counts, 1, 1);
    return this.#slot(address, counts);
  }

  #slot(address: string, counts: AddressCounts): StreamSlot {
    let isAuthenticated = false;
    let isReleased = false;
    return {
      get isAuthenticated() {
        return isAuthenticated;
      },
      authenticate: () => {
        if (isAuthenticated || isReleased) return;
        isAuthenticated = true;
        this.#add(counts, 0, -1);
      },
      countFailure: () => {
        this.#failed.set(address, this.#failuresOf(address) + 1);
      },
      release: () => {
        if (isReleased) return;
        isReleased = true;
        this.#add(counts, -1, isAuthenticated ? 0 : -1);
        if (counts.total === 0) this.#counts.delete(address);
      },
    };
  }

  #add(counts: AddressCounts, streams: number, unauthenticated: number): void {
    counts.total += streams;
    counts.unauthenticated += unauthenticated;
    this.#total += streams;
    this.#unauthenticated += unauthenticated;
  }

  /** The streams of this address that failed to authenticate in the current minute. */
  #failuresOf(address: string): number {
    const minute = Math.floor(this.clock.now() / 60_000);
    if (minute !== this.#minute) this.#failed.clear();
    this.#minute = minute;
    return this.#failed.get(address) ?? 0;
  }
}
