import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Code, MicroserviceError } from '#kit/core/errors';
import { type Edge, openEdge } from '../testing/edge';
import { UNLIMITED } from '../testing/edge-config';

// Invented credentials cost a signature check or a call each, up to the limit of their address.

const ORDERS = '/api/v1/orders';
const KEY = `key_1.${'k'.repeat(43)}`;
const FEW = 5;

let edge: Edge;
let verified: jest.Spied<SubtleCrypto['verify']>;

beforeEach(async () => {
  const authenticateApiKey = ({ key }: { key: string }) => {
    if (key !== KEY) throw new MicroserviceError('the API key is not valid', Code.UNAUTHENTICATED);
    return { keyId: 'key_1', role: 'seller', scopes: ['orders:read'], tenantId: 'default' };
  };
  const limits = { ...UNLIMITED, unverified: [{ name: 'unverified', quota: FEW, window: 10 }] };
  edge = await openEdge(
    { user: { authenticateApiKey }, order: { listOrders: () => ({}) } },
    { config: { LIMITS_FILE: limits, TRUSTED_PROXIES: ['127.0.0.1'] } },
  );
  verified = jest.spyOn(crypto.subtle, 'verify');
});
afterEach(async () => {
  verified.mockRestore();
  await edge.close();
});

type Credentials = Record<string, string>;

const send = async (credentials: Credentials, from = '10.0.0.1', path = ORDERS) => {
  return edge.send('GET', path, { headers: { ...credentials, 'x-forwarded-for': from } });
};
const bearer = (token: string): Credentials => ({ authorization: `Bearer ${token}` });

/** Well-formed tokens with the right key id and wrong signatures. */
async function forged(count: number): Promise<Credentials[]> {
  const [header = '', payload = ''] = (await edge.token()).split('.');
  const signature = (n: number) => Buffer.alloc(64, n + 1).toString('base64url');
  return Array.from({ length: count }, (_, n) => bearer(`${header}.${payload}.${signature(n)}`));
}

async function statuses(
  sent: readonly Credentials[],
  from?: string,
  path?: string,
): Promise<number[]> {
  const received: number[] = [];
  for (const credentials of sent) received.push((await send(credentials, from, path)).status);
  return received;
}

describe('a flood of forged tokens', () => {
  it('is limited by address before signatures are checked', async () => {
    const tokens = await forged(4 * FEW);
    expect(await statuses(tokens)).toEqual([
      ...Array<number>(FEW).fill(401),
      ...Array<number>(3 * FEW).fill(429),
    ]);
    expect(verified).toHaveBeenCalledTimes(FEW);
  });

  it('is limited when it arrives concurrently too', async () => {
    const responses = await Promise.all(
      (await forged(4 * FEW)).map((credentials) => send(credentials)),
    );
    expect(responses.filter(({ status }) => status === 401)).toHaveLength(FEW);
    expect(verified).toHaveBeenCalledTimes(FEW);
  });

  it('gets the name of the limit and Retry-After', async () => {
    await statuses(await forged(FEW));
    const [credentials = {}] = await forged(1);
    const { headers, body } = await send(credentials);
    expect(body.details).toEqual({ limit: 'unverified' });
    expect(headers).toMatchObject({ 'retry-after': '10' });
  });

  it('costs no more on an unknown path', async () => {
    const tokens = await forged(2 * FEW);
    expect(new Set(await statuses(tokens, undefined, '/api/v1/none'))).toEqual(new Set([404]));
    expect(verified).toHaveBeenCalledTimes(FEW);
  });

  it('does not affect other addresses', async () => {
    await statuses(await forged(2 * FEW));
    expect((await send(bearer(await edge.token()), '10.0.0.2')).status).toBe(200);
  });

  it('does not block a client at the same address that was verified before', async () => {
    const known = bearer(await edge.token());
    expect((await send(known)).status).toBe(200);
    edge.clock.advance(59_000);
    await statuses(await forged(2 * FEW));
    // now its token has to be verified again
    edge.clock.advance(2_000);
    expect((await send(known)).status).toBe(200);
  });
});

describe('a flood of invented API keys', () => {
  it('is limited by address before the user service is called', async () => {
    const keys = Array.from({ length: 4 * FEW }, (_, n) => ({
      'x-api-key': `key_${n}.${'x'.repeat(43)}`,
    }));
    expect(await statuses(keys)).toEqual([
      ...Array<number>(FEW).fill(401),
      ...Array<number>(3 * FEW).fill(429),
    ]);
    expect(edge.bed.callCount('user', 'authenticateApiKey')).toBe(FEW);
    expect((await send({ 'x-api-key': KEY })).status).toBe(429);
    expect((await send({ 'x-api-key': KEY }, '10.0.0.2')).status).toBe(200);
  });
});

it('a valid token is verified once, and does not count for its address', async () => {
  const token = bearer(await edge.token());
  const got = await statuses(Array.from({ length: 4 * FEW }, () => token));
  expect(new Set(got)).toEqual(new Set([200]));
  expect(verified).toHaveBeenCalledTimes(1);
  const { headers } = await send(token);
  expect(headers['ratelimit-policy']).toBe('"minute";q=1000000;w=60');
});
