import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { OrderService } from '#proto/retail/order/v1/order_pb';
import { OrderStatusUpdated, PlaceOrder } from '#contracts/order';
import { Service } from './service';
import { testbed } from './testbed';

const counter = new Service('order', {
  serves: OrderService,
  stores: { counters: z.object({ count: z.int() }) },
  publishes: [PlaceOrder, OrderStatusUpdated],
});
counter.on(PlaceOrder, async ({ orderId }, { counters, publish }) => {
  const up = (now = { count: 0 }) => ({ count: now.count + 1 });
  const { outcome } = await counters.decide(orderId, (now) => ({
    document: up(now),
    outcome: up(now).count,
  }));
  const previousStatus = outcome === 1 ? 'pending' : 'confirmed';
  await publish(OrderStatusUpdated, { orderId, userId: 'u1', status: 'confirmed', previousStatus });
});

describe('an event about a change that others have followed', () => {
  it('is said again with the outcome and the number of its own change', async () => {
    const bed = testbed(counter);
    await bed.hear(PlaceOrder, { orderId: 'o1' }, { id: 'first' });
    await bed.hear(PlaceOrder, { orderId: 'o1' }, { id: 'second' });
    await bed.hear(PlaceOrder, { orderId: 'o1' }, { id: 'first' });

    const [first, second, again] = bed.memory.events;
    expect(second).toMatchObject({ sequence: 2, data: { previousStatus: 'confirmed' } });
    const { id, data } = first!;
    expect(again).toMatchObject({ id, sequence: 1, data });
    expect(data).toMatchObject({ previousStatus: 'pending' });
  });
});
