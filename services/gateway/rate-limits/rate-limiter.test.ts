import { afterEach, describe, expect, it } from '@jest/globals';
import { type Tier, Tiers, TiersFile } from './tiers';
import { type RequestOptions, type Edge, openEdge } from '../testing/edge';
import { UNLIMITED } from '../testing/edge-config';
import { newKey } from '../testing/signing-keys';

const open: Edge[] = [];
afterEach(() => Promise.all(open.splice(0).map((edge) => edge.close())));

const real = TiersFile.parse(undefined);
/** The real tiers with windows 60 times as long, so that none ends while a busy machine is testing. */
const tiers = Tiers.parse({
  ...real,
  general: {
    usual: slow(real.general.usual),
    admin: slow(real.general.admin ?? real.general.usual),
  },
});

function slow(tier: Tier): Tier {
  return tier.map((limit) => ({ ...limit, window: limit.window * 60 }));
}

async function edgeWith(config: NonNullable<Parameters<typeof openEdge>[1]>['config'] = {}) {
  const edge = await openEdge(
    {
      user: {
        login: ({ email }) => ({ token: 'a.b.c', user: { email } }),
        register: () => ({ userId: 'user_1' }),
      },
      product: { listProducts: () => ({}), createProduct: () => ({}) },
      payment: { getPayment: ({ paymentId }) => ({ paymentId }) },
    },
    { config: { LIMITS_FILE: tiers, ...config } },
  );
  open.push(edge);
  return edge;
}

async function times(count: number, send: (n: number) => ReturnType<Edge['send']>) {
  const statuses: number[] = [];
  for (let n = 0; n < count; n++) statuses.push((await send(n)).status);
  return statuses;
}

const PRODUCTS = '/api/v1/products';

describe('a client without a token', () => {
  it('gets its limits in headers', async () => {
    const edge = await edgeWith({ LIMITS_FILE: real });
    const first = await edge.send('GET', PRODUCTS);
    expect(first.headers).toMatchObject({
      'ratelimit-policy': '"second";q=10;w=1, "ten-seconds";q=100;w=10, "minute";q=1000;w=60',
      ratelimit: '"second";r=9;t=1',
    });
  });

  it('is refused from the 11th request in a second, with Retry-After', async () => {
    const edge = await edgeWith();
    expect(await times(10, () => edge.send('GET', PRODUCTS))).toEqual(Array(10).fill(200));
    const { status, body, headers } = await edge.send('GET', PRODUCTS);
    expect(status).toBe(429);
    expect(body).toMatchObject({ success: false, statusCode: 429, details: { limit: 'second' } });
    const seconds = Number(headers['retry-after']);
    expect(seconds).toBeGreaterThan(30);
    expect(seconds).toBeLessThanOrEqual(60);
    expect(headers['ratelimit']).toBe(`"second";r=0;t=${seconds}`);
    expect(await edge.bed.runtime.metrics.registry.metrics()).toContain(
      'rate_limited_requests_total{limit="second"} 1',
    );
  });

  it.each<[string, (n: number) => [string, RequestOptions]]>([
    [
      'a forged X-Forwarded-For',
      (n) => [PRODUCTS, { headers: { 'x-forwarded-for': `1.2.3.${n}` } }],
    ],
    ['a forged Forwarded', (n) => [PRODUCTS, { headers: { forwarded: `for=1.2.3.${n}` } }]],
    ['a forged X-Real-IP', (n) => [PRODUCTS, { headers: { 'x-real-ip': `1.2.3.${n}` } }]],
    [
      'the case of header names',
      (n) => [PRODUCTS, { headers: { [n % 2 ? 'ACCEPT' : 'accept']: '*/*' } }],
    ],
    ['//', (n) => [n % 2 ? '/api/v1//products' : '/api//v1/products', {}]],
    ['%2f', () => ['/api/v1%2fproducts', {}]],
    ['a trailing slash', () => [`${PRODUCTS}/`, {}]],
    ['another query', (n) => [`${PRODUCTS}?page=${n + 1}`, {}]],
    ['invalid tokens', (n) => [PRODUCTS, { token: `a.b.${n}` }]],
  ])('does not evade the limit with %s', async (_, requestOf) => {
    const edge = await edgeWith();
    const send = (n: number) => edge.send('GET', ...requestOf(n));
    expect(await times(10, send)).not.toContain(429);
    expect(await times(3, send)).toEqual([429, 429, 429]);
    // and the usual request is refused too
    expect((await edge.send('GET', PRODUCTS)).status).toBe(429);
  });

  it('does not evade the limit with an unknown method or path', async () => {
    const edge = await edgeWith();
    const send = (n: number) => edge.send(n % 2 ? 'PUT' : 'GET', n % 2 ? PRODUCTS : '/api/v1/none');
    expect(new Set(await times(10, send))).toEqual(new Set([404, 405]));
    expect(await times(2, send)).toEqual([429, 429]);
  });

  it('may always get the status of the gateway', async () => {
    const edge = await edgeWith();
    const statuses = await times(15, () => edge.send('GET', '/api/v1/gateway/services'));
    expect(new Set(statuses)).toEqual(new Set([200]));
  });
});

describe('a client with a token', () => {
  it('is counted by user, whatever token it sends', async () => {
    const edge = await edgeWith();
    const send = async (n: number) =>
      edge.send('GET', PRODUCTS, { token: await edge.token({ jti: String(n) }) });
    expect(await times(11, send)).toEqual([...Array<number>(10).fill(200), 429]);
    const other = { token: await edge.token({ sub: 'user_2' }) };
    expect((await edge.send('GET', PRODUCTS, other)).status).toBe(200);
    const elsewhere = { token: await edge.token({ tenant: 'other' }) };
    expect((await edge.send('GET', PRODUCTS, elsewhere)).status).toBe(200);
  });

  it('is counted by user on unknown paths too', async () => {
    const edge = await edgeWith({ TRUSTED_PROXIES: ['127.0.0.1'] });
    const token = await edge.token();
    const send = (n: number) =>
      edge.send(n % 2 ? 'PUT' : 'GET', n % 2 ? PRODUCTS : '/api/v1/none', {
        token,
        headers: { 'x-forwarded-for': `10.0.0.${n}` },
      });
    expect(new Set(await times(10, send))).toEqual(new Set([404, 405]));
    expect(await times(2, send)).toEqual([429, 429]);
    expect((await edge.send('GET', PRODUCTS, { token })).status).toBe(429);
    // others at the same address are not affected
    const other = { headers: { 'x-forwarded-for': '10.0.0.1' } };
    expect((await edge.send('GET', '/api/v1/none', other)).status).toBe(404);
    // an unknown path is 404 with invalid credentials too
    expect((await edge.send('GET', '/api/v1/none', { ...other, token: 'a.b.c' })).status).toBe(404);
  });

  it('has the limits of its role', async () => {
    const edge = await edgeWith();
    const token = await edge.token({ role: 'admin' });
    const statuses = await times(20, () => edge.send('GET', PRODUCTS, { token }));
    expect(new Set(statuses)).toEqual(new Set([200]));
  });

  it('may use payment routes 10 times a minute, and others meanwhile', async () => {
    const edge = await edgeWith({
      LIMITS_FILE: { ...tiers, general: UNLIMITED.general },
    });
    const token = await edge.token();
    const pay = () => edge.send('GET', '/api/v1/payments/payment_1', { token });
    const { headers } = await pay();
    expect(headers['ratelimit-policy']).toBe('"minute";q=1000000;w=60, "payment";q=10;w=60');
    expect(await times(10, pay)).toEqual([...Array<number>(9).fill(200), 429]);
    const over = await pay();
    expect(Number(over.headers['retry-after'])).toBeGreaterThan(30);
    expect((await edge.send('GET', PRODUCTS, { token })).status).toBe(200);
  });
});

describe('signing in', () => {
  const login = (edge: Edge, email: string, from = '10.0.0.1') =>
    edge.send('POST', '/api/v1/auth/login', {
      headers: { 'x-forwarded-for': from },
      body: { email, password: 'correct horse' },
    });
  const generous = { LIMITS_FILE: { ...tiers, general: UNLIMITED.general } };

  it('to one account from one address is limited, in any spelling', async () => {
    const edge = await edgeWith({ ...generous, TRUSTED_PROXIES: ['127.0.0.1'] });
    const send = (n: number) => login(edge, n % 2 ? ' Ada@Example.com' : 'ada@example.com');
    expect(await times(11, send)).toEqual([...Array<number>(10).fill(200), 429]);
    expect((await login(edge, 'eve@example.com')).status).toBe(200);
  });

  it('to one account is possible from another address, however often a stranger has tried', async () => {
    const edge = await edgeWith({ ...generous, TRUSTED_PROXIES: ['127.0.0.1'] });
    for (const stranger of ['10.0.0.1', '10.0.0.2', '10.0.0.3']) {
      await times(12, () => login(edge, 'ada@example.com', stranger));
    }
    expect((await login(edge, 'ada@example.com', '10.0.0.1')).status).toBe(429);
    expect((await login(edge, 'ada@example.com', '10.0.0.9')).status).toBe(200);
  });

  it('from one address is limited, to any account', async () => {
    const edge = await edgeWith(generous);
    const send = (n: number) => login(edge, `user${n}@example.com`, `10.0.0.${n}`);
    expect(await times(31, send)).toEqual([...Array<number>(30).fill(200), 429]);
  });
});

describe('a proxy', () => {
  it('that is trusted determines the address of a client, who could have forged the rest', async () => {
    const edge = await edgeWith({ TRUSTED_PROXIES: ['127.0.0.0/8', '10.0.0.0/8'] });
    const from = (chain: string) =>
      edge.send('GET', PRODUCTS, { headers: { 'x-forwarded-for': chain } });
    expect(await times(11, (n) => from(`9.9.9.${n}, 1.2.3.4, 10.0.0.7`))).toEqual([
      ...Array<number>(10).fill(200),
      429,
    ]);
    expect((await from('1.2.3.5, 10.0.0.7')).status).toBe(200);
  });

  it('passes on IPv6 addresses, which count by their /64 network', async () => {
    const edge = await edgeWith({ TRUSTED_PROXIES: ['127.0.0.1'] });
    const from = (n: number) =>
      edge.send('GET', PRODUCTS, {
        headers: { 'x-forwarded-for': n % 2 ? `2001:db8::${n}` : `2001:DB8:0:0:1:2:3:${n}` },
      });
    expect(await times(11, from)).toEqual([...Array<number>(10).fill(200), 429]);
  });
});

describe('the file of tiers', () => {
  it('is refused with the name of the file or field that is wrong', () => {
    expect(TiersFile.safeParse('/nowhere').error?.issues[0]?.message).toContain('/nowhere');
    expect(TiersFile.safeParse('package.json').error?.issues[0]?.message).toContain(
      'general is missing',
    );
  });
});

it('does not interfere with other tests', async () => {
  const edge = await openEdge(
    { product: { listProducts: () => ({}) } },
    { key: await newKey('k') },
  );
  open.push(edge);
  const statuses = await times(30, () => edge.send('GET', PRODUCTS));
  expect(new Set(statuses)).toEqual(new Set([200]));
});
