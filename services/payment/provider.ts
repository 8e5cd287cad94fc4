import type { Clock } from '#kit/clock';
import { Code, MicroserviceError } from '#kit/errors';
import type { Money } from '#kit/money';

/** How a capture ended, for good. */
export interface Capture {
  status: 'captured' | 'declined' | 'voided';
  /** Why it was declined: a code. */
  reason?: string;
}

/**
 * Who moves the money. Everything is asked under a key: the same key asked again is the same
 * movement and gets the same answer. Throws UNAVAILABLE where nothing was done; any other error,
 * or no answer, leaves unknown what was done, until it is asked again or voided.
 */
export interface Provider {
  readonly name: string;
  capture(key: string, amount: Money, token: string): Promise<Capture>;
  /** Gives back a part of what was captured under `captured`; refused where that is not there. */
  refund(key: string, captured: string, amount: Money): Promise<'done' | 'refused'>;
  /** Gives back whatever is left of a capture, and bars it where it has not come yet. */
  void(key: string): Promise<{ released: Money | undefined }>;
}

/**
 * Longest that the provider may take. Card networks answer within two seconds; and the caller of
 * this service, who waits for 10 s, shall learn that the outcome is unknown instead of guessing.
 */
export const PROVIDER_MS = 2_500;

/** The same provider, whose silence is an error: DEADLINE_EXCEEDED. */
export function impatient(provider: Provider, clock: Clock): Provider {
  const within = async <T>(answer: Promise<T>): Promise<T> => {
    const answered = new AbortController();
    const silence = clock.sleep(PROVIDER_MS, answered.signal).then(() => {
      throw new MicroserviceError('the payment provider does not answer', Code.DEADLINE_EXCEEDED, {
        reason: 'provider_silent',
      });
    });
    try {
      return await Promise.race([answer, silence]);
    } finally {
      answered.abort();
    }
  };
  return {
    name: provider.name,
    capture: (...asked) => within(provider.capture(...asked)),
    refund: (...asked) => within(provider.refund(...asked)),
    void: (...asked) => within(provider.void(...asked)),
  };
}
