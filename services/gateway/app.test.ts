import { afterEach, describe, expect, it } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { routes } from './routes/table';
import { MAX_BODY_BYTES, MAX_CREDENTIALS_BYTES } from './routes/types';
import { type RequestOptions, type Edge, openEdge } from './testing/edge';

let edge: Edge;
afterEach(() => edge.close());

const PRODUCTS = '/api/v1/products';
const createProduct = ({ name }: { name: string }) => ({ productId: 'product_1', name });

async function create(options: RequestOptions) {
  edge = await openEdge({ product: { createProduct } });
  return edge.send('POST', PRODUCTS, { token: await edge.token({ role: 'seller' }), ...options });
}

describe('an unknown path or method', () => {
  it.each([
    '/',
    '/api/v1',
    '/api/v2/products',
    '/api/v1/Products',
    '/api/v1/products/',
    '/api/v1//products',
    '/api/v1/products/a/b',
    '/api/v1/products/a%2fb/c',
    '/api/v1/__proto__',
    '/api/v1/admin/dead-letters',
  ])('%s is 404', async (path) => {
    edge = await openEdge();
    const { status, body } = await edge.send('GET', path);
    expect(status).toBe(404);
    expect(body).toEqual({
      success: false,
      error: 'no such route',
      statusCode: 404,
      timestamp: '2026-01-01T00:00:00.000Z',
      requestId: expect.stringMatching(/^req_/),
      details: {},
    });
  });

  it('is 405 with the allowed methods if only the method is wrong', async () => {
    edge = await openEdge();
    for (const [path, rows] of Map.groupBy(routes, ({ path }) => path)) {
      const allow = rows.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
      const allowed = [...allow, 'OPTIONS'].join(', ');
      const response = await edge.send('PUT', `/api/v1${path}`);
      expect(response).toMatchObject({ status: 405, body: { success: false, statusCode: 405 } });
      expect(response.headers['allow']).toBe(allowed);
      const options = await edge.send('OPTIONS', `/api/v1${path}`);
      expect(options).toMatchObject({ status: 204, body: {}, headers: { allow: allowed } });
    }
  });

  it('is not HEAD, which gets the response of GET without the body', async () => {
    edge = await openEdge({ product: { listProducts: () => ({}) } });
    expect(await edge.send('HEAD', PRODUCTS)).toMatchObject({ status: 200, body: {} });
  });

  it('is 400 if the path is malformed', async () => {
    edge = await openEdge();
    const { status, body } = await edge.send('GET', '/api/v1/products/%zz');
    expect({ status, error: body.error }).toEqual({
      status: 400,
      error: 'the path is not percent-encoded UTF-8',
    });
  });

  it('is 404 for dead letters of an unknown service', async () => {
    edge = await openEdge();
    const token = await edge.token({ role: 'admin' });
    for (const service of ['shops', 'gateway', '__proto__', 'toString']) {
      const response = await edge.send('GET', `/api/v1/admin/dead-letters/${service}`, { token });
      expect(response).toMatchObject({ status: 404, body: { error: 'service not found' } });
    }
  });
});

describe('a body', () => {
  it.each(['{', '{"name":}', 'name=x', '{"name":"x"} {}', '\u0000'])(
    '%p is malformed: 400',
    async (raw) => {
      const { status, body } = await create({ raw });
      expect({ status, error: body.error }).toEqual({
        status: 400,
        error: 'the body is not valid JSON',
      });
    },
  );

  it.each(['[]', '"text"', '5', 'null', 'true'])(
    '%s is JSON, but not an object: 422',
    async (raw) => {
      const { status, body } = await create({ raw });
      expect({ status, error: body.error }).toEqual({
        status: 422,
        error: 'the body must be an object',
      });
    },
  );

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json-patch+json',
    'nonsense',
    'application/json, text/plain',
    'application/x-json',
  ])('of type %s is 415', async (type) => {
    const { status, body } = await create({ raw: '{}', headers: { 'content-type': type } });
    expect({ status, error: body.error }).toEqual({
      status: 415,
      error: expect.stringMatching(/^the body must be JSON/),
    });
  });

  it('may name its character set', async () => {
    const headers = { 'content-type': 'Application/JSON; charset=UTF-8' };
    expect((await create({ raw: '{"name":"ü"}', headers })).body.data).toMatchObject({ name: 'ü' });
  });

  it('is at most as large as its route needs, compressed or not', async () => {
    const frame = '{"name":""}'.length;
    const fits = `{"name":"${'x'.repeat(MAX_BODY_BYTES - frame)}"}`;
    const over = `{"name":"${'x'.repeat(MAX_BODY_BYTES - frame + 1)}"}`;
    expect((await create({ raw: fits })).status).toBe(201);
    await edge.close();
    const refused = { status: 413, body: { error: 'the body is larger than 128 KiB' } };
    expect(await create({ raw: over })).toMatchObject(refused);
    await edge.close();
    const headers = { 'content-encoding': 'gzip' };
    expect(await create({ raw: gzipSync(over), headers })).toMatchObject(refused);
    const raw = `"${'x'.repeat(MAX_CREDENTIALS_BYTES)}"`;
    expect(await edge.send('POST', '/api/v1/auth/login', { raw })).toMatchObject({
      status: 413,
      body: { error: 'the body is larger than 16 KiB' },
    });
  });

  it('is nested at most 32 levels, and deeper ones break nothing', async () => {
    const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
    expect((await create({ raw: deep(32) })).status).toBe(422);
    for (const levels of [33, 30_000]) {
      await edge.close();
      expect(await create({ raw: deep(levels) })).toMatchObject({
        status: 400,
        body: { error: 'the body is nested deeper than 32 levels' },
      });
    }
  });

  it('with half of a surrogate pair is refused by the name of the field', async () => {
    const { status, body } = await create({ raw: '{"name":"\\ud800"}' });
    expect({ status, error: body.error }).toEqual({ status: 422, error: 'name must be a string' });
  });

  it('gets every error in the details and three in the message', async () => {
    const body = { name: 1, description: 2, category: 3, price: 4 };
    const response = await create({ body });
    const error =
      'name must be a string; description must be a string; category must be a string; and 1 more';
    expect(response.body.error).toBe(error);
    expect(response.body.details?.fields).toHaveLength(4);
  });

  it('that is absent counts as an empty one', async () => {
    expect((await create({})).status).toBe(201);
  });
});

it('does not reveal its software', async () => {
  edge = await openEdge();
  const { headers } = await edge.send('GET', '/api/v1/gateway/services');
  expect(headers).not.toHaveProperty('x-powered-by');
  expect(headers).not.toHaveProperty('server');
  expect(JSON.stringify(headers)).not.toMatch(/express|node|helmet/i);
  expect(headers['content-type']).toBe('application/json; charset=utf-8');
});
