import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Code, MicroserviceError } from '#kit/core/errors';
import { type Edge, PLENTY, openEdge } from '../testing/edge';

// What is made up costs a signature's check or a call, until the limit of its address.

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
  const limits = { ...PLENTY, unverified: [{ name: 'unverified', quota: FEW, window: 10 }] };
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

type Shown = Record<string, string>;

const ask = async (shown: Shown, from = '10.0.0.1', path = ORDERS) => {
  return edge.ask('GET', path, { headers: { ...shown, 'x-forwarded-for': from } });
};
const bearer = (token: string): Shown => ({ authorization: `Bearer ${token}` });

/** Tokens of the right form, named after the right key, and signed by nobody. */
async function madeUp(count: number): Promise<Shown[]> {
  const [header = '', payload = ''] = (await edge.token()).split('.');
  const signature = (n: number) => Buffer.alloc(64, n + 1).toString('base64url');
  return Array.from({ length: count }, (_, n) => bearer(`${header}.${payload}.${signature(n)}`));
}

async function statuses(all: readonly Shown[], from?: string, path?: string): Promise<number[]> {
  const got: number[] = [];
  for (const shown of all) got.push((await ask(shown, from, path)).status);
  return got;
}

describe('a flood of made-up tokens', () => {
  it('is limited by its address before signatures are checked', async () => {
    const tokens = await madeUp(4 * FEW);
    expect(await statuses(tokens)).toEqual([
      ...Array<number>(FEW).fill(401),
      ...Array<number>(3 * FEW).fill(429),
    ]);
    expect(verified).toHaveBeenCalledTimes(FEW);
  });

  it('that comes at once is limited as well', async () => {
    const answers = await Promise.all((await madeUp(4 * FEW)).map((shown) => ask(shown)));
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(FEW);
    expect(verified).toHaveBeenCalledTimes(FEW);
  });

  it('is told which limit it is, and when to come again', async () => {
    await statuses(await madeUp(FEW));
    const [shown = {}] = await madeUp(1);
    const { headers, body } = await ask(shown);
    expect(body.details).toEqual({ limit: 'unverified' });
    expect(headers).toMatchObject({ 'retry-after': '10' });
  });

  it('checks nothing more where there is nothing', async () => {
    const tokens = await madeUp(2 * FEW);
    expect(new Set(await statuses(tokens, undefined, '/api/v1/none'))).toEqual(new Set([404]));
    expect(verified).toHaveBeenCalledTimes(FEW);
  });

  it('from one address is nothing to others', async () => {
    await statuses(await madeUp(2 * FEW));
    expect((await ask(bearer(await edge.token()), '10.0.0.2')).status).toBe(200);
  });

  it('does not keep out who was known at the same address', async () => {
    const known = bearer(await edge.token());
    expect((await ask(known)).status).toBe(200);
    edge.clock.advance(59_000);
    await statuses(await madeUp(2 * FEW));
    // from now on its token has to be verified anew
    edge.clock.advance(2_000);
    expect((await ask(known)).status).toBe(200);
  });
});

describe('a flood of made-up API keys', () => {
  it('is limited by its address before anybody is asked whose they are', async () => {
    const keys = Array.from({ length: 4 * FEW }, (_, n) => ({
      'x-api-key': `key_${n}.${'x'.repeat(43)}`,
    }));
    expect(await statuses(keys)).toEqual([
      ...Array<number>(FEW).fill(401),
      ...Array<number>(3 * FEW).fill(429),
    ]);
    expect(edge.bed.callCount('user', 'authenticateApiKey')).toBe(FEW);
    expect((await ask({ 'x-api-key': KEY })).status).toBe(429);
    expect((await ask({ 'x-api-key': KEY }, '10.0.0.2')).status).toBe(200);
  });
});

it('a good token is verified once, and charges its address nothing', async () => {
  const token = bearer(await edge.token());
  const got = await statuses(Array.from({ length: 4 * FEW }, () => token));
  expect(new Set(got)).toEqual(new Set([200]));
  expect(verified).toHaveBeenCalledTimes(1);
  const { headers } = await ask(token);
  expect(headers['ratelimit-policy']).toBe('"minute";q=1000000;w=60');
});
