import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Caller } from '#kit/core/caller';
import { Code, MicroserviceError } from '#kit/core/errors';
import { type Edge, PLENTY, openEdge } from '../testing/edge';

const KEY = `key_1.${'k'.repeat(43)}`;
const PRODUCTS = '/api/v1/products';
const ORDERS = '/api/v1/orders';

let edge: Edge;
let revoked: boolean;
let asked: Caller | undefined;

beforeEach(async () => {
  revoked = false;
  asked = undefined;
  const seen = (_: unknown, { callContext }: { callContext: { caller: Caller } }) => {
    asked = callContext.caller;
    return {};
  };
  const limit = [{ name: 'few', quota: 5, window: 60 }];
  edge = await openEdge(
    {
      user: {
        authenticateApiKey: ({ key }) => {
          const [keyId = ''] = key.split('.');
          if (revoked || !key.endsWith('k')) {
            throw new MicroserviceError('the API key is not valid', Code.UNAUTHENTICATED);
          }
          const scopes = ['orders:read', 'products:write', 'payments:write'];
          return { keyId, role: 'seller', scopes, tenantId: 'default' };
        },
      },
      order: { listOrders: seen },
      product: { createProduct: seen, listProducts: seen },
    },
    { config: { LIMITS_FILE: { ...PLENTY, general: { usual: limit } } } },
  );
});
afterEach(() => edge.close());

const ask = (method: 'GET' | 'POST', path: string, headers: Record<string, string> = {}) =>
  edge.ask(method, path, {
    headers: { 'x-api-key': KEY, ...headers },
    ...(method === 'POST' ? { body: {} } : {}),
  });

describe('an API key', () => {
  it('does what its scopes and its role allow, as a caller of its own', async () => {
    expect((await ask('GET', ORDERS)).status).toBe(200);
    expect(asked).toEqual({ userId: 'key_1', role: 'seller', tenantId: 'default' });
    expect((await ask('POST', PRODUCTS)).status).toBe(201);
    expect(edge.bed.callCount('user', 'authenticateApiKey')).toBe(1);
  });

  it('does nothing else', async () => {
    expect(await ask('GET', PRODUCTS)).toMatchObject({
      status: 403,
      body: { error: 'the API key is not for products:read' },
    });
    // in its scopes, but not of its role
    const refund = await ask('POST', '/api/v1/payments/payment_1/refunds');
    expect(refund).toMatchObject({ status: 403, body: { error: 'your role may not do this' } });
  });

  it('is noticed to be revoked within a minute', async () => {
    expect((await ask('GET', ORDERS)).status).toBe(200);
    revoked = true;
    edge.clock.advance(60_000);
    expect((await ask('GET', ORDERS)).status).toBe(401);
  });

  it('is limited by itself', async () => {
    for (let n = 0; n < 5; n++) expect((await ask('GET', ORDERS)).status).toBe(200);
    expect((await ask('GET', ORDERS)).status).toBe(429);
    const other = { 'x-api-key': `key_2.${'k'.repeat(43)}` };
    expect((await ask('GET', ORDERS, other)).status).toBe(200);
  });

  it.each(['', 'x', '../x', `key_1.${'k'.repeat(44)}`, `key_1.${'k'.repeat(43)}, ${KEY}`])(
    'of another form is 401, and nobody is asked: %p',
    async (key) => {
      expect((await ask('GET', ORDERS, { 'x-api-key': key })).status).toBe(401);
      expect(edge.bed.callCount('user', 'authenticateApiKey')).toBe(0);
    },
  );

  it('that is wrong is 401, and so is one beside a token', async () => {
    expect((await ask('GET', ORDERS, { 'x-api-key': `key_1.${'x'.repeat(43)}` })).status).toBe(401);
    const both = { authorization: `Bearer ${await edge.token()}` };
    expect((await ask('GET', ORDERS, both)).status).toBe(401);
  });
});
