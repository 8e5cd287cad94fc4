import { afterEach, describe, expect, it } from '@jest/globals';
import { setImmediate as turn } from 'node:timers/promises';
import { LoadShedder } from './load-shedder';
import { type Edge, openEdge } from '../testing/edge';

let edge: Edge | undefined;
afterEach(async () => {
  await edge?.close();
  edge = undefined;
});

const limits = { SHED_IN_FLIGHT: 2, SHED_LAG_MS: 500 };

describe('what is more than can be done', () => {
  it('is what comes when work waits long for its turn, twice in a row', () => {
    const shedding = new LoadShedder(limits);
    shedding.waited(600);
    expect(shedding.refuses(1)).toBe(false);
    shedding.waited(700);
    expect(shedding.refuses(1)).toBe(true);
    expect(shedding.lag).toBe(600);
    shedding.waited(10);
    expect(shedding.refuses(1)).toBe(false);
  });

  it('is what comes when too many wait for their answer', () => {
    const shedding = new LoadShedder(limits);
    expect([1, 2, 3].map((inFlight) => shedding.refuses(inFlight))).toEqual([false, false, true]);
    expect(shedding.shed).toBe(1);
  });

  it('is refused at once with 503, while the gateway tells how it is', async () => {
    const held = Promise.withResolvers<object>();
    const getProduct = () => held.promise;
    edge = await openEdge({ product: { getProduct } }, { config: limits });
    const { ask, waitFor } = edge;
    const get = () => ask('GET', '/api/v1/products/product_1');
    const waiting = [get(), get()];
    await waitFor(2);
    const refused = await get();
    expect(refused).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1' },
      body: { error: 'there is too much to do at the moment, try again later' },
    });
    expect(edge.bed.callCount('product', 'getProduct')).toBe(2);
    const { body } = await ask('GET', '/api/v1/gateway/status');
    expect(body.data).toMatchObject({ inFlight: 3, shed: 1, limits: { inFlight: 2 } });
    held.resolve({ productId: 'product_1' });
    for (const { status } of await Promise.all(waiting)) expect(status).toBe(200);
    expect((await get()).status).toBe(200);
  });
});

it('refuses while the event loop is held', async () => {
  const shedding = new LoadShedder({ ...limits, SHED_LAG_MS: 20 });
  shedding.start();
  expect(shedding.refuses(1)).toBe(false);
  // two looks in a row, each late
  while (shedding.lag <= 20) {
    const until = performance.now() + 150;
    while (performance.now() < until);
    await turn();
  }
  expect(shedding.refuses(1)).toBe(true);
});
