import { afterEach, describe, expect, it } from '@jest/globals';
import { type Message, create } from '@bufbuild/protobuf';
import { FakeClock } from '#kit/testing/fake-clock';
import { Code, MicroserviceError, notFound, unavailable } from '#kit/core/errors';
import {
  GetProductRequestSchema,
  ProductSchema,
  ProductService,
} from '#proto/retail/product/v1/product_pb';
import { StaleCache } from './stale-cache';
import { sendRaw, statusesIn } from '#kit/testing/raw-http';
import { type Edge, openEdge } from '../testing/edge';
import { rpcRoutes } from '../testing/example-requests';

const rpc = ProductService.method.getProduct;
const requestFor = (productId: string) => create(GetProductRequestSchema, { productId });
const cup = create(ProductSchema, { productId: 'product_1', name: 'Cup' });
const down = async () => Promise.reject(unavailable('product cannot be reached'));

describe('the last good response', () => {
  it('is served with its age while the service is down', async () => {
    const clock = new FakeClock();
    const cache = new StaleCache(clock);
    const send = (tenant: string, id: string, call: () => Promise<Message>) =>
      cache.fetch(rpc, tenant, requestFor(id), call);
    expect(await send('a', 'product_1', async () => cup)).toEqual({ message: cup });
    clock.advance(61_500);
    expect(await send('a', 'product_1', down)).toEqual({ message: cup, age: 61 });
    // neither to another tenant nor for another product
    await expect(send('b', 'product_1', down)).rejects.toThrow('cannot be reached');
    await expect(send('a', 'product_2', down)).rejects.toThrow('cannot be reached');
    clock.advance(3_600_000);
    await expect(send('a', 'product_1', down)).rejects.toThrow('cannot be reached');
  });

  it.each([notFound('product'), new MicroserviceError('internal error', Code.INTERNAL)])(
    'does not replace %s',
    async (refusal) => {
      const cache = new StaleCache(new FakeClock());
      await cache.fetch(rpc, 'a', requestFor('product_1'), async () => cup);
      const refused = cache.fetch(rpc, 'a', requestFor('product_1'), async () =>
        Promise.reject(refusal),
      );
      await expect(refused).rejects.toBe(refusal);
    },
  );

  it('is deleted once the service refuses, as the resource is gone', async () => {
    const cache = new StaleCache(new FakeClock());
    const send = (call: () => Promise<Message>) =>
      cache.fetch(rpc, 'a', requestFor('product_1'), call);
    await send(async () => cup);
    const gone = send(async () => Promise.reject(notFound('product')));
    await expect(gone).rejects.toThrow('not found');
    await expect(send(down)).rejects.toThrow('cannot be reached');
  });

  it('is evicted if the cache is full, the one stored longest ago first', async () => {
    const clock = new FakeClock();
    const cache = new StaleCache(clock, 400);
    const ids = Array.from({ length: 50 }, (_, at) => `product_${at}`);
    for (const id of ['product_0', ...ids]) {
      clock.advance(1_000);
      await cache.fetch(rpc, 'a', requestFor(id), async () => cup);
    }
    const known = await Promise.allSettled(
      ids.map((id) => cache.fetch(rpc, 'a', requestFor(id), down)),
    );
    const states = known.map(({ status }) => status);
    expect(states.filter((status) => status === 'fulfilled').length).toBeLessThan(6);
    expect(states.at(-1)).toBe('fulfilled');
    expect(states[0]).toBe('rejected');
  });
});

it('is stored for public routes only', () => {
  const cached = rpcRoutes.filter(({ staleIfError }) => staleIfError);
  expect(cached.map(({ path }) => path)).toEqual([
    '/products',
    '/products/:productId',
    '/shops/:shopId/offers',
  ]);
  for (const { access, method } of cached) {
    expect([access, method]).toEqual(['optional', 'GET']);
  }
});

describe('the catalogue', () => {
  let edge: Edge;
  afterEach(() => edge.close());
  let isDown = false;
  const respond = (response: object) => () => {
    if (isDown) throw unavailable('connection refused');
    return response;
  };
  const open = async () => {
    isDown = false;
    edge = await openEdge({
      product: {
        listProducts: respond({ items: [{ productId: 'product_1' }], total: 1 }),
        getStatus: respond({ ready: true }),
      },
      order: { listOrders: respond({ total: 1 }) },
    });
  };
  const list = (query = '') => edge.send('GET', `/api/v1/products${query}`);

  it('is served stale while its service is down, and marked as such', async () => {
    await open();
    const { headers, body } = await list();
    expect(headers['x-cache']).toBeUndefined();
    isDown = true;
    edge.clock.advance(5_000);
    const stale = await list();
    expect(stale).toMatchObject({
      status: 200,
      body: { data: body.data },
      headers: { 'x-cache': 'stale', age: '5', warning: '110 - "Response is Stale"' },
    });
    // a request that never succeeded has no response to serve
    expect((await list('?page=2')).status).toBe(503);
    isDown = false;
    expect((await list()).headers['x-cache']).toBeUndefined();
  });

  it('is marked as stale on the wire, also for HEAD and for a client that has it', async () => {
    await open();
    const { headers } = await list();
    isDown = true;
    edge.clock.advance(7_000);
    const asked = (method: string, more = '') =>
      sendRaw(
        edge.port,
        `${method} /api/v1/products HTTP/1.1\r\nhost: x\r\n${more}connection: close\r\n\r\n`,
      );
    const known = `if-none-match: ${String(headers['etag'])}\r\n`;
    for (const [received, status] of [
      [await asked('GET'), 200],
      [await asked('HEAD'), 200],
      [await asked('GET', known), 304],
    ] as const) {
      expect(statusesIn(received)).toEqual([status]);
      expect(received).toMatch(/^x-cache: stale\r$/im);
      expect(received).toMatch(/^age: 7\r$/im);
      expect(received).toMatch(/^warning: 110 - "Response is Stale"\r$/im);
      expect(received).not.toMatch(/^retry-after:/im);
    }
  });

  it('is served stale without a call once its probes failed', async () => {
    await open();
    await list();
    isDown = true;
    for (let probe = 0; probe < 2; probe++) {
      edge.clock.advance(1_000);
      await edge.send('GET', '/api/v1/health');
    }
    const calls = edge.bed.callCount('product', 'listProducts');
    expect(await list()).toMatchObject({ status: 200, headers: { 'x-cache': 'stale', age: '2' } });
    expect(edge.bed.callCount('product', 'listProducts')).toBe(calls);
  });

  it('is the only data served stale: orders are not', async () => {
    await open();
    const token = await edge.token();
    const orders = () => edge.send('GET', '/api/v1/orders', { token });
    expect((await orders()).status).toBe(200);
    isDown = true;
    expect((await orders()).status).toBe(503);
  });
});
