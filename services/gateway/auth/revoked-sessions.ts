import { type Timestamp, timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { asService } from '#kit/core/caller';
import { newCallContext } from '#kit/core/call-context';
import type { ServiceRuntime } from '#kit/runtime/service-runtime';
import { openContext } from '../definition';

/** A list older than this is refreshed in the background. */
const REFRESH_MS = 2_000;
/** A list older than this is refreshed before the request goes on. */
const MAX_AGE_MS = 5_000;
/** The longest that a request waits for a refresh; after it the old list is used. */
const FETCH_TIMEOUT_MS = 1_000;
/** Each fetch goes back this far, as another replica may have written an earlier end later. */
const OVERLAP_MS = 60_000;
/** Clock difference allowed between the services that sign tokens and those that verify them. */
const SKEW_MS = 60_000;

/** Sessions that ended while tokens of theirs are still valid, as the user service lists them. */
export class RevokedSessions {
  /** When the last token of each expires, in epoch milliseconds. */
  readonly #until = new Map<string, number>();
  /** Time of the last list, by the clock of the user service. */
  #asOf: Timestamp | undefined;
  #refreshedAt = -Infinity;
  #refreshing: Promise<void> | undefined;
  #invalidations = 0;

  constructor(private readonly runtime: ServiceRuntime) {}

  /**
   * Whether the session has ended. Synchronous unless the list is too old. Throws if there is no list
   * yet and the user service fails.
   */
  isRevoked(sessionId: string): boolean | Promise<boolean> {
    if (this.#age >= MAX_AGE_MS) return this.#afterRefresh(sessionId);
    if (this.#age >= REFRESH_MS) void this.#refreshOnce();
    return this.#until.has(sessionId);
  }

  async #afterRefresh(sessionId: string): Promise<boolean> {
    while (this.#age >= MAX_AGE_MS) await this.#refreshOnce();
    return this.#until.has(sessionId);
  }

  /** Makes the next request refresh the list, since a session has just been ended here. */
  invalidate(): void {
    this.#refreshedAt = -Infinity;
    this.#invalidations++;
  }

  get #age(): number {
    return this.runtime.clock.now() - this.#refreshedAt;
  }

  /** Concurrent callers share one refresh. */
  async #refreshOnce(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    await this.#refreshing;
  }

  async #refresh(): Promise<void> {
    const { clock, log } = this.runtime;
    const now = clock.now();
    const known = this.#asOf;
    const invalidations = this.#invalidations;
    try {
      const deadline = now + FETCH_TIMEOUT_MS;
      const callContext = newCallContext(clock, { caller: asService(), deadline });
      const { user } = openContext(this.runtime, callContext);
      const since = known && timestampFromMs(timestampMs(known) - OVERLAP_MS);
      const { sessions, asOf } = await user.getEndedSessions(since === undefined ? {} : { since });
      for (const { sessionId, until } of sessions) {
        this.#until.set(sessionId, (until === undefined ? Infinity : timestampMs(until)) + SKEW_MS);
      }
      for (const [sessionId, until] of this.#until) {
        if (until < now) this.#until.delete(sessionId);
      }
      this.#asOf = asOf;
    } catch (error) {
      if (known === undefined) throw error;
      log.warn({ err: error }, 'the revoked sessions could not be fetched');
    }
    // a list that was requested before an invalidation may lack the session that ended
    if (invalidations === this.#invalidations) this.#refreshedAt = now;
  }
}
