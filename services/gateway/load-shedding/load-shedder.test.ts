import { afterEach, describe, expect, it } from '@jest/globals';
import { setImmediate as turn } from 'node:timers/promises';
import { LoadShedder } from './load-shedder';
import { type Edge, openEdge } from '../testing/edge';

let edge: Edge | undefined;
afterEach(async () => {
  await edge?.close();
  edge = undefined;
});

const thresholds = { inFlight: 2, eventLoopLag: 500 };

describe('a request', () => {
  it('is refused if the event loop lags in two measurements in a row', () => {
    const shedder = new LoadShedder(thresholds);
    shedder.recordLag(600);
    expect(shedder.begin()).toBe(true);
    shedder.recordLag(700);
    expect(shedder.begin()).toBe(false);
    expect(shedder.lag).toBe(600);
    shedder.recordLag(10);
    expect(shedder.begin()).toBe(true);
  });

  it('is refused if too many are in flight', () => {
    const shedder = new LoadShedder(thresholds);
    expect([1, 2, 3].map(() => shedder.begin())).toEqual([true, true, false]);
    expect(shedder.shed).toBe(1);
    shedder.end();
    expect(shedder.begin()).toBe(true);
  });

  it('is refused with 503 immediately, while the status of the gateway stays available', async () => {
    const held = Promise.withResolvers<object>();
    const getProduct = () => held.promise;
    edge = await openEdge({ product: { getProduct } }, { config: { SHED_IN_FLIGHT: 2 } });
    const { send, waitFor } = edge;
    const get = () => send('GET', '/api/v1/products/product_1');
    const waiting = [get(), get()];
    await waitFor(2);
    const refused = await get();
    expect(refused).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1' },
      body: { error: 'the service is overloaded, try again later' },
    });
    expect(edge.bed.callCount('product', 'getProduct')).toBe(2);
    const { body } = await send('GET', '/api/v1/gateway/status');
    expect(body.data).toMatchObject({ inFlight: 3, shed: 1, limits: { inFlight: 2 } });
    held.resolve({ productId: 'product_1' });
    for (const { status } of await Promise.all(waiting)) expect(status).toBe(200);
    expect((await get()).status).toBe(200);
  });
});

it('refuses while the event loop is blocked', async () => {
  const shedder = new LoadShedder({ ...thresholds, eventLoopLag: 20 });
  shedder.start();
  expect(shedder.begin()).toBe(true);
  // two measurements in a row, each late
  while (shedder.lag <= 20) {
    const until = performance.now() + 150;
    while (performance.now() < until);
    await turn();
  }
  expect(shedder.begin()).toBe(false);
});
