import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { gunzipSync } from 'node:zlib';
import { Agent, request } from 'undici';
import type { CallRequest } from '#kit/transport/sidecar';
import { Origins } from './cors';
import { type Edge, openEdge } from '../testing/edge';

// What the edge does with the rest of HTTP: headers in and out, conditions, compression.

const PRODUCTS = '/api/v1/products';
const SHOP = 'https://shop.example';
let edge: Edge;
let names: string[];
let calls: CallRequest[];

beforeAll(async () => {
  const seen = (call: CallRequest) => {
    calls.push(call);
  };
  edge = await openEdge(
    {
      user: { login: () => ({ token: 'a.b.c'.padEnd(5_000, 'x') }) },
      product: {
        listProducts: (_, call) => {
          seen(call);
          return { items: names.map((name) => ({ productId: name, name })) };
        },
        createProduct: (_, call) => {
          seen(call);
          return {};
        },
      },
    },
    { config: { CORS_ORIGINS: [SHOP], TRUSTED_PROXIES: ['127.0.0.1'] } },
  );
});
afterAll(() => edge.close());
beforeEach(() => {
  names = ['cup'];
  calls = [];
});

describe('a condition', () => {
  it('answers 304 to who has the data already, and the data once it is another', async () => {
    const first = await edge.ask('GET', PRODUCTS);
    expect(first.headers).toMatchObject({
      etag: expect.stringMatching(/^W\/"[\w-]+"$/),
      'cache-control': 'private, no-cache',
    });
    const headers = { 'if-none-match': String(first.headers['etag']) };
    const again = await edge.ask('GET', PRODUCTS, { headers });
    expect(again).toMatchObject({ status: 304, body: {} });
    expect(again.headers['etag']).toBe(first.headers['etag']);
    names = ['cup', 'pot'];
    expect((await edge.ask('GET', PRODUCTS, { headers })).status).toBe(200);
  });

  it('is one of reading: what changes something is never 304, and not kept', async () => {
    const token = await edge.token({ role: 'seller' });
    const headers = { 'if-none-match': '*' };
    const body = { name: 'Cup' };
    const answer = await edge.ask('POST', PRODUCTS, { token, headers, body });
    expect(answer.status).toBe(201);
    expect(answer.headers).toMatchObject({ 'cache-control': 'no-store' });
    expect(answer.headers['etag']).toBeUndefined();
  });

  it('says the same to HEAD', async () => {
    const { headers } = await edge.ask('GET', PRODUCTS);
    const head = await edge.ask('HEAD', PRODUCTS);
    expect(head.body).toEqual({});
    expect(head.headers['etag']).toBe(headers['etag']);
    expect(head.headers['content-type']).toBe('application/json; charset=utf-8');
  });
});

describe('compression', () => {
  const zipped = async (method: 'GET' | 'POST', path: string, body?: string) => {
    const answer = await request(`http://127.0.0.1:${edge.port}${path}`, {
      method,
      headers: { 'accept-encoding': 'gzip', 'content-type': 'application/json' },
      body: body ?? null,
      dispatcher: new Agent({ pipelining: 0, keepAliveTimeout: 1 }),
    });
    return { headers: answer.headers, bytes: Buffer.from(await answer.body.arrayBuffer()) };
  };

  it('makes a large answer small, and leaves a small one as it is', async () => {
    names = Array.from({ length: 100 }, (_, n) => `product-${n}`);
    const { headers, bytes } = await zipped('GET', PRODUCTS);
    expect(headers).toMatchObject({
      'content-encoding': 'gzip',
      vary: expect.stringMatching(/accept-encoding/i),
    });
    expect(gunzipSync(bytes).toString()).toContain('product-99');
    names = ['cup'];
    expect((await zipped('GET', PRODUCTS)).headers['content-encoding']).toBeUndefined();
  });

  it('leaves alone what holds a token', async () => {
    const body = JSON.stringify({ email: 'a@example.com', password: 'correct horse' });
    const { headers, bytes } = await zipped('POST', '/api/v1/auth/login', body);
    expect(bytes.length).toBeGreaterThan(5_000);
    expect(headers['content-encoding']).toBeUndefined();
  });
});

describe('a page of another site', () => {
  const preflight = (origin: string) =>
    edge.ask('OPTIONS', PRODUCTS, {
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization, idempotency-key',
      },
    });

  it('may call where its site is listed', async () => {
    const asked = await preflight(SHOP);
    expect(asked.status).toBe(204);
    expect(asked.headers).toMatchObject({
      'access-control-allow-origin': SHOP,
      'access-control-allow-headers': expect.stringContaining('idempotency-key'),
      'access-control-allow-methods': expect.stringContaining('PATCH'),
    });
    const { headers } = await edge.ask('GET', PRODUCTS, { headers: { origin: SHOP } });
    expect(headers).toMatchObject({
      'access-control-allow-origin': SHOP,
      'access-control-expose-headers': expect.stringContaining('x-request-id'),
      vary: expect.stringMatching(/origin/i),
    });
    expect(headers['access-control-allow-credentials']).toBeUndefined();
  });

  it.each(['https://evil.example', 'null', `${SHOP}.evil.example`, 'http://shop.example'])(
    'of %s may not',
    async (origin) => {
      for (const answer of [
        await preflight(origin),
        await edge.ask('GET', PRODUCTS, { headers: { origin } }),
      ]) {
        expect(answer.headers['access-control-allow-origin']).toBeUndefined();
      }
    },
  );

  it('is listed by its origin and nothing more', () => {
    expect(Origins.parse('https://a.example, http://localhost:5173')).toHaveLength(2);
    for (const bad of ['*', 'a.example', 'https://a.example/', 'https://a.example/path']) {
      expect(Origins.safeParse(bad).success).toBe(false);
    }
  });
});

describe('a browser', () => {
  it.each(['/api/v1/products', '/api/v1/none', '/nowhere'])(
    'is told to do nothing with an answer of %s but read it',
    async (path) => {
      const { headers } = await edge.ask('GET', path);
      expect(headers).toMatchObject({
        'content-security-policy': "default-src 'none';frame-ancestors 'none'",
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'strict-transport-security': expect.stringContaining('max-age='),
        'cross-origin-resource-policy': 'same-origin',
      });
      expect(headers['x-powered-by']).toBeUndefined();
    },
  );
});

describe('an error', () => {
  it('is told as a problem to who asks for that', async () => {
    const headers = { accept: 'application/problem+json, application/json;q=0.5' };
    const answer = await edge.ask('GET', `${PRODUCTS}?what=1`, { headers });
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(answer.body).toEqual({
      type: 'about:blank',
      title: 'what is unknown',
      status: 422,
      requestId: expect.stringMatching(/^req_/),
      timestamp: expect.any(String),
      details: { fields: [{ field: 'what', message: 'is unknown' }] },
    });
  });

  it.each(['*/*', 'application/json', 'text/html', 'application/*'])(
    'has the one shape for %s',
    async (accept) => {
      const { body } = await edge.ask('GET', '/api/v1/none', { headers: { accept } });
      expect(body).toMatchObject({ success: false, statusCode: 404 });
    },
  );
});

describe('what a client says of itself', () => {
  const FORGED = {
    'x-user-id': 'user_9',
    'x-user-role': 'admin',
    'x-tenant-id': 'other',
    'x-cause-id': 'cause_9',
    'x-respond-async': 'true',
    'x-keyed': 'true',
    'x-gateway-service': 'payment',
  };

  it('is not believed: of its headers none reaches a service', async () => {
    await edge.ask('GET', PRODUCTS, { headers: FORGED });
    const [call] = calls;
    expect(call).toMatchObject({
      appId: 'product',
      callContext: {
        caller: { userId: '', role: 'anonymous', tenantId: 'default' },
        hasIdempotencyKey: false,
        respondAsync: false,
      },
    });
    const { callContext } = call ?? {};
    for (const value of ['user_9', 'other', 'cause_9', 'payment']) {
      expect(JSON.stringify(callContext)).not.toContain(value);
    }
  });

  it('gives a role to nobody', async () => {
    const token = await edge.token();
    const answer = await edge.ask('POST', PRODUCTS, {
      token,
      headers: FORGED,
      body: { name: 'A' },
    });
    expect(answer.status).toBe(403);
  });

  it('is handed down where a trusted proxy says it: its address', async () => {
    await edge.ask('GET', PRODUCTS, { headers: { 'x-forwarded-for': '9.9.9.9, 192.0.2.1' } });
    expect(calls[0]?.callContext.forwardedFor).toBe('192.0.2.1');
  });
});
