import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { Caller } from '#kit/core/caller';
import { Code, MicroserviceError, unavailable } from '#kit/core/errors';
import { type Edge, openEdge } from '../testing/edge';
import { UNLIMITED } from '../testing/edge-config';

const KEY = `key_1.${'k'.repeat(43)}`;
const PRODUCTS = '/api/v1/products';
const ORDERS = '/api/v1/orders';

let edge: Edge;
let revoked: boolean;
let isDown: boolean;
let expiresAt: number | undefined;
let actsFor: string;
let caller: Caller | undefined;

beforeEach(async () => {
  revoked = false;
  isDown = false;
  expiresAt = undefined;
  actsFor = '';
  caller = undefined;
  const record = (_: unknown, { callContext }: { callContext: { caller: Caller } }) => {
    caller = callContext.caller;
    return {};
  };
  const limit = [{ name: 'few', quota: 5, window: 1 }];
  edge = await openEdge(
    {
      user: {
        authenticateApiKey: ({ key }) => {
          if (isDown) throw unavailable('user cannot be reached');
          const [keyId = ''] = key.split('.');
          if (revoked || !key.endsWith('k')) {
            throw new MicroserviceError('the API key is not valid', Code.UNAUTHENTICATED);
          }
          const scopes = ['orders:read', 'products:write', 'payments:write'];
          if (expiresAt !== undefined && edge.clock.now() >= expiresAt) {
            throw new MicroserviceError('the API key is not valid', Code.UNAUTHENTICATED);
          }
          return {
            keyId,
            role: 'seller',
            scopes,
            tenantId: 'default',
            actsFor,
            ...(expiresAt === undefined ? {} : { expiresAt: timestampFromMs(expiresAt) }),
          };
        },
      },
      order: { listOrders: record },
      product: { createProduct: record, listProducts: record },
    },
    { config: { LIMITS_FILE: { ...UNLIMITED, general: { usual: limit } } } },
  );
});
afterEach(() => edge.close());

const send = (method: 'GET' | 'POST', path: string, headers: Record<string, string> = {}) =>
  edge.send(method, path, {
    headers: { 'x-api-key': KEY, ...headers },
    ...(method === 'POST' ? { body: {} } : {}),
  });

describe('an API key', () => {
  it('permits what its scopes and its role permit, as a caller with its own id', async () => {
    expect((await send('GET', ORDERS)).status).toBe(200);
    expect(caller).toEqual({ userId: 'key_1', role: 'seller', tenantId: 'default' });
    expect((await send('POST', PRODUCTS)).status).toBe(201);
    expect(edge.bed.callCount('user', 'authenticateApiKey')).toBe(1);
  });

  it('passes on the user on whose behalf it acts', async () => {
    actsFor = 'user_1';
    expect((await send('GET', ORDERS)).status).toBe(200);
    expect(caller).toMatchObject({ userId: 'key_1', ownerId: 'user_1' });
  });

  it('is refused from the moment it expires, although it was verified a moment ago', async () => {
    expiresAt = edge.clock.now() + 10_000;
    expect((await send('GET', ORDERS)).status).toBe(200);
    edge.clock.advance(9_999);
    expect((await send('GET', ORDERS)).status).toBe(200);
    edge.clock.advance(1);
    expect((await send('GET', ORDERS)).status).toBe(401);
  });

  it('permits nothing else', async () => {
    expect(await send('GET', PRODUCTS)).toMatchObject({
      status: 403,
      body: { error: 'the API key lacks the scope products:read' },
    });
    // in its scopes, but not permitted to its role
    const refund = await send('POST', '/api/v1/payments/payment_1/refunds');
    expect(refund).toMatchObject({
      status: 403,
      body: { error: 'your role does not permit this' },
    });
  });

  it('is refused within five seconds of being revoked', async () => {
    expect((await send('GET', ORDERS)).status).toBe(200);
    revoked = true;
    edge.clock.advance(5_000);
    expect((await send('GET', ORDERS)).status).toBe(401);
    expect((await send('GET', ORDERS)).status).toBe(401);
  });

  it('is verified again in the background while it is in use', async () => {
    expect((await send('GET', ORDERS)).status).toBe(200);
    revoked = true;
    edge.clock.advance(2_000);
    expect((await send('GET', ORDERS)).status).toBe(200);
    // the background call has removed it, less than five seconds after the first
    expect((await send('GET', ORDERS)).status).toBe(401);
  });

  it('is valid for a minute while the user service fails, which is called once in two seconds', async () => {
    expect((await send('GET', ORDERS)).status).toBe(200);
    isDown = true;
    for (let second = 0; second < 59; second++) {
      edge.clock.advance(1_000);
      expect((await send('GET', ORDERS)).status).toBe(200);
    }
    expect(edge.bed.callCount('user', 'authenticateApiKey')).toBeLessThan(32);
    edge.clock.advance(1_000);
    expect((await send('GET', ORDERS)).status).toBe(503);
  });

  it('has its own rate limit', async () => {
    for (let n = 0; n < 5; n++) expect((await send('GET', ORDERS)).status).toBe(200);
    expect((await send('GET', ORDERS)).status).toBe(429);
    const other = { 'x-api-key': `key_2.${'k'.repeat(43)}` };
    expect((await send('GET', ORDERS, other)).status).toBe(200);
  });

  it.each(['', 'x', '../x', `key_1.${'k'.repeat(44)}`, `key_1.${'k'.repeat(43)}, ${KEY}`])(
    'that is malformed is 401 without a call of the user service: %p',
    async (key) => {
      expect((await send('GET', ORDERS, { 'x-api-key': key })).status).toBe(401);
      expect(edge.bed.callCount('user', 'authenticateApiKey')).toBe(0);
    },
  );

  it('that is wrong is 401, and so is a key beside a token', async () => {
    expect((await send('GET', ORDERS, { 'x-api-key': `key_1.${'x'.repeat(43)}` })).status).toBe(
      401,
    );
    const both = { authorization: `Bearer ${await edge.token()}` };
    expect((await send('GET', ORDERS, both)).status).toBe(401);
  });
});
