import { afterEach, describe, expect, it } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { MAX_BYTES } from './http/body';
import { routes } from './routes/table';
import { type Asked, type Edge, openEdge } from './testing/edge';

let edge: Edge;
afterEach(() => edge.close());

const PRODUCTS = '/api/v1/products';
const createProduct = ({ name }: { name: string }) => ({ productId: 'product_1', name });

async function create(asked: Asked) {
  edge = await openEdge({ product: { createProduct } });
  return edge.ask('POST', PRODUCTS, { token: await edge.token({ role: 'seller' }), ...asked });
}

describe('a path or method that is not there', () => {
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
    const { status, body } = await edge.ask('GET', path);
    expect(status).toBe(404);
    expect(body).toEqual({
      success: false,
      error: 'there is nothing here',
      statusCode: 404,
      timestamp: '2026-01-01T00:00:00.000Z',
      requestId: expect.stringMatching(/^req_/),
      details: {},
    });
  });

  it('is 405 where only the method is wrong, with those that there are', async () => {
    edge = await openEdge();
    for (const [path, rows] of Map.groupBy(routes, ({ path }) => path)) {
      const allow = rows.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
      const allowed = [...allow, 'OPTIONS'].join(', ');
      const answer = await edge.ask('PUT', `/api/v1${path}`);
      expect(answer).toMatchObject({ status: 405, body: { success: false, statusCode: 405 } });
      expect(answer.headers['allow']).toBe(allowed);
      const options = await edge.ask('OPTIONS', `/api/v1${path}`);
      expect(options).toMatchObject({ status: 204, body: {}, headers: { allow: allowed } });
    }
  });

  it('answers HEAD as GET, without the body', async () => {
    edge = await openEdge({ product: { listProducts: () => ({}) } });
    expect(await edge.ask('HEAD', PRODUCTS)).toMatchObject({ status: 200, body: {} });
  });

  it('is 400 where the path is not readable', async () => {
    edge = await openEdge();
    const { status, body } = await edge.ask('GET', '/api/v1/products/%zz');
    expect({ status, error: body.error }).toEqual({
      status: 400,
      error: 'the request cannot be read',
    });
  });

  it('is 404 for dead letters of a service that is not there', async () => {
    edge = await openEdge();
    const token = await edge.token({ role: 'admin' });
    for (const service of ['shops', 'gateway', '__proto__', 'toString']) {
      const answer = await edge.ask('GET', `/api/v1/admin/dead-letters/${service}`, { token });
      expect(answer).toMatchObject({ status: 404, body: { error: 'service not found' } });
    }
  });
});

describe('a body', () => {
  it.each(['{', '{"name":}', 'name=x', '{"name":"x"} {}', '\u0000'])(
    '%p is not readable: 400',
    async (raw) => {
      const { status, body } = await create({ raw });
      expect({ status, error: body.error }).toEqual({
        status: 400,
        error: 'the request cannot be read',
      });
    },
  );

  it.each(['[]', '"text"', '5', 'null', 'true'])('%s is JSON, but no object: 422', async (raw) => {
    const { status, body } = await create({ raw });
    expect({ status, error: body.error }).toEqual({
      status: 422,
      error: 'the body must be an object',
    });
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json-patch+json',
    'application/json; charset=latin1',
    'nonsense',
  ])('of type %s is 415', async (type) => {
    const { status, body } = await create({ raw: '{}', headers: { 'content-type': type } });
    expect({ status, error: body.error }).toEqual({
      status: 415,
      error: expect.stringMatching(/^the body must be JSON/),
    });
  });

  it('may say its character set', async () => {
    const headers = { 'content-type': 'Application/JSON; charset=UTF-8' };
    expect((await create({ raw: '{"name":"ü"}', headers })).body.data).toMatchObject({ name: 'ü' });
  });

  it('may have 1 MiB and no more, packed or not', async () => {
    const frame = '{"name":""}'.length;
    const fits = `{"name":"${'x'.repeat(MAX_BYTES - frame)}"}`;
    const over = `{"name":"${'x'.repeat(MAX_BYTES - frame + 1)}"}`;
    expect((await create({ raw: fits })).status).toBe(201);
    await edge.close();
    const refused = { status: 413, body: { error: 'the body is larger than 1 MiB' } };
    expect(await create({ raw: over })).toMatchObject(refused);
    await edge.close();
    const headers = { 'content-encoding': 'gzip' };
    expect(await create({ raw: gzipSync(over), headers })).toMatchObject(refused);
  });

  it('may be 32 deep and no deeper, and nothing breaks', async () => {
    const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
    expect((await create({ raw: deep(32) })).status).toBe(422);
    for (const levels of [33, 400_000]) {
      await edge.close();
      expect(await create({ raw: deep(levels) })).toMatchObject({
        status: 400,
        body: { error: 'the body is nested deeper than 32' },
      });
    }
  });

  it('with half a character is refused by the name of its field', async () => {
    const { status, body } = await create({ raw: '{"name":"\\ud800"}' });
    expect({ status, error: body.error }).toEqual({ status: 422, error: 'name must be a text' });
  });

  it('lists every fault, and names three', async () => {
    const body = { name: 1, description: 2, category: 3, price: 4 };
    const answer = await create({ body });
    const error =
      'name must be a text; description must be a text; category must be a text; and 1 more';
    expect(answer.body.error).toBe(error);
    expect(answer.body.details?.fields).toHaveLength(4);
  });

  it('that is missing is an empty one', async () => {
    expect((await create({})).status).toBe(201);
  });
});

it('says nothing of what it is made with', async () => {
  edge = await openEdge();
  const { headers } = await edge.ask('GET', '/api/v1/gateway/services');
  expect(headers).not.toHaveProperty('x-powered-by');
  expect(headers).not.toHaveProperty('server');
  expect(JSON.stringify(headers)).not.toMatch(/express|node|helmet/i);
  expect(headers['content-type']).toBe('application/json; charset=utf-8');
});
