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
import type { RpcRoute } from '../routes/types';
import { routes } from '../routes/table';
import { type Edge, openEdge } from '../testing/edge';

const rpc = ProductService.method.getProduct;
const asked = (productId: string) => create(GetProductRequestSchema, { productId });
const cup = create(ProductSchema, { productId: 'product_1', name: 'Cup' });
const down = async () => Promise.reject(unavailable('product cannot be reached'));

describe('the last good answer', () => {
  it('is given when nobody answers, with its age', async () => {
    const clock = new FakeClock();
    const kept = new StaleCache(clock);
    const ask = (tenant: string, id: string, call: () => Promise<Message>) =>
      kept.orKept(rpc, tenant, asked(id), call);
    expect(await ask('a', 'product_1', async () => cup)).toEqual({ answered: cup });
    clock.advance(61_500);
    expect(await ask('a', 'product_1', down)).toEqual({ answered: cup, age: 61 });
    // not another tenant's, nor another product's
    await expect(ask('b', 'product_1', down)).rejects.toThrow('cannot be reached');
    await expect(ask('a', 'product_2', down)).rejects.toThrow('cannot be reached');
    clock.advance(3_600_000);
    await expect(ask('a', 'product_1', down)).rejects.toThrow('cannot be reached');
  });

  it.each([notFound('product'), new MicroserviceError('internal error', Code.INTERNAL)])(
    'is not given instead of %s',
    async (refusal) => {
      const kept = new StaleCache(new FakeClock());
      await kept.orKept(rpc, 'a', asked('product_1'), async () => cup);
      const refused = kept.orKept(rpc, 'a', asked('product_1'), async () =>
        Promise.reject(refusal),
      );
      await expect(refused).rejects.toBe(refusal);
    },
  );

  it('is forgotten once the service refuses, as what was there is gone', async () => {
    const kept = new StaleCache(new FakeClock());
    const ask = (call: () => Promise<Message>) => kept.orKept(rpc, 'a', asked('product_1'), call);
    await ask(async () => cup);
    const gone = ask(async () => Promise.reject(notFound('product')));
    await expect(gone).rejects.toThrow('not found');
    await expect(ask(down)).rejects.toThrow('cannot be reached');
  });

  it('is forgotten when there are too many, the one asked for longest ago first', async () => {
    const clock = new FakeClock();
    const kept = new StaleCache(clock, 400);
    const ids = Array.from({ length: 50 }, (_, at) => `product_${at}`);
    for (const id of ['product_0', ...ids]) {
      clock.advance(1_000);
      await kept.orKept(rpc, 'a', asked(id), async () => cup);
    }
    const known = await Promise.allSettled(ids.map((id) => kept.orKept(rpc, 'a', asked(id), down)));
    const states = known.map(({ status }) => status);
    expect(states.filter((status) => status === 'fulfilled').length).toBeLessThan(6);
    expect(states.at(-1)).toBe('fulfilled');
    expect(states[0]).toBe('rejected');
  });
});

it('is kept of nothing that is private', () => {
  const kept = routes.filter((route): route is RpcRoute => 'rpc' in route && route.lastGood);
  expect(kept.map(({ path }) => path)).toEqual([
    ...['/products', '/products/:productId', '/shops/:shopId/offers'],
  ]);
  for (const { who, method } of kept) expect([who, method]).toEqual(['anyone', 'GET']);
});

describe('the catalogue', () => {
  let edge: Edge;
  afterEach(() => edge.close());
  let isDown = false;
  const answering = (answer: object) => () => {
    if (isDown) throw unavailable('connection refused');
    return answer;
  };
  const open = async () => {
    isDown = false;
    edge = await openEdge({
      product: {
        listProducts: answering({ items: [{ productId: 'product_1' }], total: 1 }),
        getStatus: answering({ ready: true }),
      },
      order: { listOrders: answering({ total: 1 }) },
    });
  };
  const list = (query = '') => edge.ask('GET', `/api/v1/products${query}`);

  it('is answered from before while its service is down, and is marked', async () => {
    await open();
    const { headers, body } = await list();
    expect(headers['x-cache']).toBeUndefined();
    isDown = true;
    edge.clock.advance(5_000);
    const stale = await list();
    expect(stale).toMatchObject({
      ...{ status: 200, body: { data: body.data } },
      headers: { 'x-cache': 'stale', age: '5', warning: '110 - "Response is Stale"' },
    });
    // what was never asked is not known
    expect((await list('?page=2')).status).toBe(503);
    isDown = false;
    expect((await list()).headers['x-cache']).toBeUndefined();
  });

  it('is answered so too when the service is out, without asking it', async () => {
    await open();
    await list();
    isDown = true;
    for (let probe = 0; probe < 2; probe++) {
      edge.clock.advance(1_000);
      await edge.ask('GET', '/api/v1/health');
    }
    const calls = edge.bed.callCount('product', 'listProducts');
    expect(await list()).toMatchObject({ status: 200, headers: { 'x-cache': 'stale', age: '2' } });
    expect(edge.bed.callCount('product', 'listProducts')).toBe(calls);
  });

  it('is all that is: orders are not answered from before', async () => {
    await open();
    const token = await edge.token();
    const orders = () => edge.ask('GET', '/api/v1/orders', { token });
    expect((await orders()).status).toBe(200);
    isDown = true;
    expect((await orders()).status).toBe(503);
  });
});
