import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { gunzipSync } from 'node:zlib';
import { Agent, request } from 'undici';
import type { CallRequest } from '#kit/transport/sidecar';
import { Origins } from './cors';
import { type Edge, openEdge } from '../testing/edge';

// Headers, conditional requests, compression and CORS.

const PRODUCTS = '/api/v1/products';
const SHOP = 'https://shop.example';
let edge: Edge;
let names: string[];
let calls: CallRequest[];

beforeAll(async () => {
  const record = (call: CallRequest) => {
    calls.push(call);
  };
  edge = await openEdge(
    {
      user: { login: () => ({ token: 'a.b.c'.padEnd(5_000, 'x') }) },
      product: {
        listProducts: (_, call) => {
          record(call);
          return { items: names.map((name) => ({ productId: name, name })) };
        },
        createProduct: (_, call) => {
          record(call);
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

describe('a conditional request', () => {
  it('gets 304 while the data is the same, and the data once it has changed', async () => {
    const first = await edge.send('GET', PRODUCTS);
    expect(first.headers).toMatchObject({
      etag: expect.stringMatching(/^W\/"[\w-]+"$/),
      'cache-control': 'private, no-cache',
    });
    const headers = { 'if-none-match': String(first.headers['etag']) };
    const again = await edge.send('GET', PRODUCTS, { headers });
    expect(again).toMatchObject({ status: 304, body: {} });
    expect(again.headers['etag']).toBe(first.headers['etag']);
    names = ['cup', 'pot'];
    expect((await edge.send('GET', PRODUCTS, { headers })).status).toBe(200);
  });

  it('has no effect on a route that changes something, whose response is not cacheable', async () => {
    const token = await edge.token({ role: 'seller' });
    const headers = { 'if-none-match': '*' };
    const body = { name: 'Cup' };
    const response = await edge.send('POST', PRODUCTS, { token, headers, body });
    expect(response.status).toBe(201);
    expect(response.headers).toMatchObject({ 'cache-control': 'no-store' });
    expect(response.headers['etag']).toBeUndefined();
  });

  it('has the same ETag with HEAD', async () => {
    const { headers } = await edge.send('GET', PRODUCTS);
    const head = await edge.send('HEAD', PRODUCTS);
    expect(head.body).toEqual({});
    expect(head.headers['etag']).toBe(headers['etag']);
    expect(head.headers['content-type']).toBe('application/json; charset=utf-8');
  });
});

describe('compression', () => {
  const sendGzip = async (method: 'GET' | 'POST', path: string, body?: string) => {
    const response = await request(`http://127.0.0.1:${edge.port}${path}`, {
      method,
      headers: { 'accept-encoding': 'gzip', 'content-type': 'application/json' },
      body: body ?? null,
      dispatcher: new Agent({ pipelining: 0, keepAliveTimeout: 1 }),
    });
    return { headers: response.headers, bytes: Buffer.from(await response.body.arrayBuffer()) };
  };

  it('applies to a large response and not to a small one', async () => {
    names = Array.from({ length: 100 }, (_, n) => `product-${n}`);
    const { headers, bytes } = await sendGzip('GET', PRODUCTS);
    expect(headers).toMatchObject({
      'content-encoding': 'gzip',
      vary: expect.stringMatching(/accept-encoding/i),
    });
    expect(gunzipSync(bytes).toString()).toContain('product-99');
    names = ['cup'];
    expect((await sendGzip('GET', PRODUCTS)).headers['content-encoding']).toBeUndefined();
  });

  it('does not apply to a response with a token', async () => {
    const body = JSON.stringify({ email: 'a@example.com', password: 'correct horse' });
    const { headers, bytes } = await sendGzip('POST', '/api/v1/auth/login', body);
    expect(bytes.length).toBeGreaterThan(5_000);
    expect(headers['content-encoding']).toBeUndefined();
  });
});

describe('a page of another origin', () => {
  const preflight = (origin: string) =>
    edge.send('OPTIONS', PRODUCTS, {
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization, idempotency-key',
      },
    });

  it('may call if its origin is listed', async () => {
    const response = await preflight(SHOP);
    expect(response.status).toBe(204);
    expect(response.headers).toMatchObject({
      'access-control-allow-origin': SHOP,
      'access-control-allow-headers': expect.stringContaining('idempotency-key'),
      'access-control-allow-methods': expect.stringContaining('PATCH'),
    });
    const { headers } = await edge.send('GET', PRODUCTS, { headers: { origin: SHOP } });
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
      for (const response of [
        await preflight(origin),
        await edge.send('GET', PRODUCTS, { headers: { origin } }),
      ]) {
        expect(response.headers['access-control-allow-origin']).toBeUndefined();
      }
    },
  );

  it('is listed by its origin alone', () => {
    expect(Origins.parse('https://a.example, http://localhost:5173')).toHaveLength(2);
    for (const bad of ['*', 'a.example', 'https://a.example/', 'https://a.example/path']) {
      expect(Origins.safeParse(bad).success).toBe(false);
    }
  });
});

describe('a browser', () => {
  it.each(['/api/v1/products', '/api/v1/none', '/nowhere'])(
    'may do nothing with a response of %s but read it',
    async (path) => {
      const { headers } = await edge.send('GET', path);
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
  it('is a problem for a client that prefers that', async () => {
    const headers = { accept: 'application/problem+json, application/json;q=0.5' };
    const response = await edge.send('GET', `${PRODUCTS}?what=1`, { headers });
    expect(response.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(response.body).toEqual({
      type: 'about:blank',
      title: 'what is unknown',
      status: 422,
      requestId: expect.stringMatching(/^req_/),
      timestamp: expect.any(String),
      details: { fields: [{ field: 'what', message: 'is unknown' }] },
    });
  });

  it.each(['*/*', 'application/json', 'text/html', 'application/*'])(
    'has the usual form for %s',
    async (accept) => {
      const { body } = await edge.send('GET', '/api/v1/none', { headers: { accept } });
      expect(body).toMatchObject({ success: false, statusCode: 404 });
    },
  );
});

describe('a forged header', () => {
  const FORGED = {
    'x-user-assertion': 'user_9',
    'x-user-id': 'user_9',
    'x-user-role': 'admin',
    'x-tenant-id': 'other',
    'x-user-owner': 'user_8',
    'x-cause-id': 'cause_9',
    'x-respond-async': 'true',
    'x-keyed': 'true',
    'x-gateway-service': 'payment',
  };

  it('does not reach a service', async () => {
    await edge.send('GET', PRODUCTS, { headers: FORGED });
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

  it('grants no role', async () => {
    const token = await edge.token();
    const response = await edge.send('POST', PRODUCTS, {
      token,
      headers: FORGED,
      body: { name: 'A' },
    });
    expect(response.status).toBe(403);
  });

  it('is not the X-Forwarded-For of a trusted proxy, which is passed on', async () => {
    await edge.send('GET', PRODUCTS, { headers: { 'x-forwarded-for': '9.9.9.9, 192.0.2.1' } });
    expect(calls[0]?.callContext.forwardedFor).toBe('192.0.2.1');
  });
});
