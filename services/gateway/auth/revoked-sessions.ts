import { type Timestamp, timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { asService } from '#kit/core/caller';
import { newCallContext } from '#kit/core/call-context';
import type { ServiceRuntime } from '#kit/runtime/service-runtime';
import { openContext } from '../definition';

/** What is known is asked for anew after so long, beside the requests that come. */
const ASK_AGAIN_MS = 2_000;
/** What is known for longer is too old: a request waits for the answer. */
const OLD_MS = 5_000;
/** How long one waits: without an answer, what is known has to do. */
const ANSWER_MS = 1_000;
/** What ended a moment before the last answer may have been written after it, by another replica. */
const OVERLAP_MS = 60_000;
/** How far the clocks of those who sign and those who check may be apart. */
const SKEW_MS = 60_000;

/** The sessions that are over while tokens of theirs are good yet; the user service knows them. */
export class RevokedSessions {
  /** Until when each could still be of use. */
  readonly #until = new Map<string, number>();
  /** When the user service last answered, by its clock. */
  #asOf: Timestamp | undefined;
  #askedAt = -Infinity;
  #asking: Promise<void> | undefined;
  #expired = 0;

  constructor(private readonly runtime: ServiceRuntime) {}

  /**
   * Whether this session is over: nobody waits for what is known. Throws where nothing is known yet,
   * and nobody answers.
   */
  has(sessionId: string): boolean | Promise<boolean> {
    if (this.#age >= OLD_MS) return this.#asked(sessionId);
    if (this.#age >= ASK_AGAIN_MS) void this.#ask();
    return this.#until.has(sessionId);
  }

  async #asked(sessionId: string): Promise<boolean> {
    while (this.#age >= OLD_MS) await this.#ask();
    return this.#until.has(sessionId);
  }

  /** Somebody has signed out here: the next request knows of it. */
  expire(): void {
    this.#askedAt = -Infinity;
    this.#expired++;
  }

  get #age(): number {
    return this.runtime.clock.now() - this.#askedAt;
  }

  /** Those who come meanwhile wait for the same answer. */
  async #ask(): Promise<void> {
    this.#asking ??= this.#fetch().finally(() => {
      this.#asking = undefined;
    });
    await this.#asking;
  }

  async #fetch(): Promise<void> {
    const { clock, log } = this.runtime;
    const now = clock.now();
    const known = this.#asOf;
    const expired = this.#expired;
    try {
      const callContext = newCallContext(clock, { caller: asService(), deadline: now + ANSWER_MS });
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
      log.warn({ err: error }, 'sessions that ended could not be fetched');
    }
    // else somebody has signed out since it was asked
    if (expired === this.#expired) this.#askedAt = now;
  }
}
