import { z } from 'zod';
import { Code, MicroserviceError, unavailable } from '#kit/core/errors';
import { Money } from '#retail/money';
import type { Context } from './definition';

/** By which the provider is known to the sidecar: where it is stands in components. */
export const PROVIDER = 'payment-provider';

/**
 * Longest that the provider may take for an answer: card networks have theirs within two seconds.
 * It is asked once in a call of this service, so that whoever calls learns in time that the
 * outcome is unknown, instead of guessing. The sidecar's policy for the provider says the same.
 */
export const PROVIDER_MS = 2_500;

/** How a capture or an authorisation stands. */
const Outcome = z.object({
  status: z.enum(['authorised', 'captured', 'declined', 'voided', 'expired']),
  /** Why it was declined, or not captured any more: a code. */
  reason: z.string().optional(),
});
type Outcome = z.output<typeof Outcome>;
const Refund = z.object({ status: z.enum(['done', 'refused']) });
const Void = z.object({ released: Money.optional() });

/**
 * Who moves the money. Everything is asked under a key: the same key asked again is the same
 * movement and gets the same answer. An error leaves unknown what was done, until it is asked
 * again or voided. An authorisation and its capture have the same key.
 */
export interface Provider {
  capture(key: string, amount: Money, token: string): Promise<Outcome>;
  /** Keeps the money ready to be captured, which it is for some days. */
  authorize(key: string, amount: Money, token: string): Promise<Outcome>;
  /** Captures all that was authorised under `authorised`. */
  captureAuthorized(authorised: string): Promise<Outcome>;
  /** Gives back a part of what was captured under `captured`; refused where that is not there. */
  refund(key: string, captured: string, amount: Money): Promise<'done' | 'refused'>;
  /**
   * Gives back whatever is left of a capture, gives up an authorisation, and bars either where it has
   * not come yet.
   */
  void(captured: string): Promise<{ released?: Money | undefined }>;
}

export function openProvider({ endpoints }: Pick<Context, 'endpoints'>): Provider {
  const ask = async <S extends z.ZodType>(answer: S, path: string, key: string, body = {}) => {
    const headers = { 'idempotency-key': key };
    const request = { method: 'POST', path, body, headers } as const;
    const { status, body: answered } = await endpoints[PROVIDER].request(request);
    if (status >= 500 || status === 429) {
      throw unavailable('the payment provider is not available');
    }
    const { data } = answer.safeParse(answered);
    if (status !== 200 || data === undefined) {
      const details = { reason: 'provider_unreadable', status };
      const message = 'the payment provider gave an answer that cannot be read';
      throw new MicroserviceError(message, Code.INTERNAL, details);
    }
    return data;
  };
  return {
    capture: (key, amount, token) => ask(Outcome, '/captures', key, { amount, token }),
    authorize: (key, amount, token) => ask(Outcome, '/authorizations', key, { amount, token }),
    captureAuthorized: (authorised) =>
      ask(Outcome, `/authorizations/${authorised}/capture`, `${authorised}_capture`),
    refund: async (key, captured, amount) => {
      const { status } = await ask(Refund, `/captures/${captured}/refunds`, key, { amount });
      return status;
    },
    void: (captured) => ask(Void, `/captures/${captured}/void`, `${captured}_void`),
  };
}
