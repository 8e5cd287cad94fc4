import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { OrderCreated, PlaceOrder } from '#contracts/order';
import { OrderService } from '#proto/retail/order/v1/order_pb';
import { Code } from '../core/errors';
import { Service } from '../service/service';
import { testbed } from '../testing/testbed';

const Counted = z.object({ orderId: z.string() });
const price = { amount: '1.00', currency: 'EUR' };
const created = (orderId: string) => ({
  orderId,
  shopId: 'shop_1',
  userId: 'user_1',
  items: [{ productId: 'product_1', quantity: 1, unitPrice: price }],
  totalAmount: price,
});

/** A service whose handlers wait until the gate is opened. */
function gated() {
  const gate = Promise.withResolvers<unknown>();
  const started: string[] = [];
  const service = new Service('order', {
    serves: OrderService,
    stores: { counts: Counted },
    publishes: [PlaceOrder],
  });
  service.on(OrderCreated, async ({ orderId }) => {
    started.push(orderId);
    await gate.promise;
  });
  service.on(PlaceOrder, async ({ orderId }, { counts }) => {
    await counts.update(orderId, () => ({ orderId }));
  });
  service.serve({
    placeOrder: async (_, { newId, dispatchAndWait, counts }) => {
      const orderId = newId('order');
      started.push(orderId);
      await gate.promise;
      const done = await dispatchAndWait(PlaceOrder, { orderId }, () => counts.get(orderId));
      return { orderId, status: done === undefined ? 'pending' : 'done' };
    },
    getOrder: async () => ({}),
    listOrders: async () => ({}),
    cancelOrder: async () => ({}),
    getStory: async () => ({}),
    updatePickup: async () => ({}),
    listPickups: async () => ({}),
    requestReturn: async () => ({}),
    getReturn: async () => ({}),
    receiveReturn: async () => ({}),
    decideReturn: async () => ({}),
    listReturns: async () => ({}),
  });
  const open = () => {
    gate.resolve(undefined);
  };
  return { bed: testbed(service), open, started };
}

describe('a runtime that drains', () => {
  it('finishes running work and refuses new work', async () => {
    const { bed, open, started } = gated();
    const running = bed.handleEvent(OrderCreated, created('first'));
    while (started.length === 0) await bed.clock.sleep(1);
    let drained = false;
    const draining = bed.runtime.drain().then(() => (drained = true));

    expect(await bed.handleEvent(OrderCreated, created('second'))).toBe('RETRY');
    await expect(bed.call('getOrder', {})).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    expect(started).toEqual(['first']);
    expect(drained).toBe(false);

    open();
    expect(await running).toBe('SUCCESS');
    await draining;
    expect(drained).toBe(true);
  });

  it('still handles the command that a running call waits for', async () => {
    const { bed, open } = gated();
    const placing = bed.call('placeOrder', {});
    const draining = bed.runtime.drain();
    open();
    expect(await placing).toMatchObject({ status: 'done' });
    await draining;
  });

  it('is done immediately if nothing is running', async () => {
    const { bed } = gated();
    await bed.runtime.drain();
    expect(await bed.handleEvent(OrderCreated, created('late'))).toBe('RETRY');
  });
});
