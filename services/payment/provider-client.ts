import { z } from 'zod';
import { Code, MicroserviceError, unavailable } from '#kit/core/errors';
import { Money } from '#retail/money';
import type { Context } from './definition';
import { PROVIDER, type Provider, ProviderOutcome } from './provider';

const Refund = z.object({ status: z.enum(['done', 'refused']) });
const Void = z.object({ released: Money.optional() });

/** The provider over HTTP, through the sidecar. A provider with another API is adapted here. */
export function openProvider({ endpoints }: Pick<Context, 'endpoints'>): Provider {
  const post = async <S extends z.ZodType>(schema: S, path: string, key: string, body = {}) => {
    const headers = { 'idempotency-key': key };
    const request = { method: 'POST', path, body, headers } as const;
    const { status, body: response } = await endpoints[PROVIDER].request(request);
    if (status >= 500 || status === 429) {
      throw unavailable('the payment provider is unavailable');
    }
    const { data } = schema.safeParse(response);
    if (status !== 200 || data === undefined) {
      const details = { reason: 'provider_unreadable', status };
      const message = 'the response of the payment provider cannot be read';
      throw new MicroserviceError(message, Code.INTERNAL, details);
    }
    return data;
  };
  return {
    capture: (key, amount, token) => post(ProviderOutcome, '/captures', key, { amount, token }),
    authorize: (key, amount, token) =>
      post(ProviderOutcome, '/authorizations', key, { amount, token }),
    captureAuthorized: (authorised) =>
      post(ProviderOutcome, `/authorizations/${authorised}/capture`, `${authorised}_capture`),
    refund: async (key, captured, amount) => {
      const { status } = await post(Refund, `/captures/${captured}/refunds`, key, { amount });
      return status;
    },
    void: (captured) => post(Void, `/captures/${captured}/void`, `${captured}_void`),
  };
}
