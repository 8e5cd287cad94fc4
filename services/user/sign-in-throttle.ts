import { hash } from 'node:crypto';
import type { Clock } from '#kit/core/clock';
import { type TtlCache, setFor, ttlCache } from '#kit/core/ttl-cache';

/** Wrong passwords in a row that delay nothing. */
const FREE = 5;
const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 2_000;
const FAILURE_MS = 30 * 60_000;
const KNOWN_MS = 30 * 24 * 3_600_000;
const MAX_ENTRIES = 50_000;

/** A sign-in that is under way: the account, existing or not, and the address of the client. */
export interface Attempt {
  readonly account: string;
  readonly address: string;
}

/**
 * Delays sign-ins progressively after wrong passwords. It never refuses one: if it did, a stranger could
 * lock the owner out. Wrong passwords from an address where the account has signed in delay only that
 * address, and those from all other addresses delay all others, so that guesses that are spread over many
 * addresses are slow. How often one address may try is limited at the edge.
 *
 * Each process counts for itself, which affects the latency of a sign-in and never its result.
 */
export class SignInThrottle {
  readonly #failures: TtlCache<number>;
  /** Pairs of account and address that signed in, as hashes. */
  readonly #known: TtlCache<number>;

  constructor(clock: Clock) {
    this.#failures = ttlCache(MAX_ENTRIES, clock);
    this.#known = ttlCache(MAX_ENTRIES, clock);
  }

  /**
   * Counts an attempt as failed until `succeeded`, so that concurrent attempts count. Returns the
   * milliseconds to wait before the password is verified: the same for a wrong and for the right one.
   */
  begin(attempt: Attempt): number {
    const name = this.#counterOf(attempt);
    const before = this.#failures.get(name) ?? 0;
    setFor(this.#failures, name, before + 1, FAILURE_MS);
    if (before < FREE) return 0;
    return Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (before - FREE));
  }

  succeeded(attempt: Attempt): void {
    this.#failures.delete(this.#counterOf(attempt));
    setFor(this.#known, pairOf(attempt), 1, KNOWN_MS);
    this.#failures.delete(pairOf(attempt));
  }

  #counterOf(attempt: Attempt): string {
    const pair = pairOf(attempt);
    return this.#known.get(pair) === undefined ? hash('sha256', attempt.account) : pair;
  }
}

/** A hash, because an address is personal data. */
function pairOf({ account, address }: Attempt): string {
  return hash('sha256', JSON.stringify([account, address]));
}
