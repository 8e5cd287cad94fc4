import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { OrderService } from '#proto/retail/order/v1/order_pb';
import { InventoryService, ReserveOutcome } from '#proto/retail/inventory/v1/inventory_pb';
import { OrderCreated, PlaceOrder } from '#contracts/order';
import { expectCrashSafe } from './crash-safety';
import { Service } from './service';
import { testbed } from './testbed';

const Doc = z.object({ orderId: z.string(), n: z.number() });
const order = new Service('order', {
  serves: OrderService,
  calls: { inventory: InventoryService },
  stores: { orders: Doc },
  publishes: [PlaceOrder, OrderCreated],
});
order.on(PlaceOrder, async ({ orderId }, { orders, inventory, publish }) => {
  await orders.update(orderId, (now) => ({ orderId, n: (now?.n ?? 0) + 1 }));
  await inventory.reserve({ orderId, shopId: 'shop_1', items: [] });
  await publish(OrderCreated, {
    orderId,
    shopId: 's',
    userId: 'u',
    items: [{ productId: 'p', quantity: 1, unitPrice: { amount: '1.00', currency: 'EUR' } }],
    totalAmount: { amount: '1.00', currency: 'EUR' },
  });
});

describe('testbed', () => {
  it('is crash safe', async () => {
    const build = () =>
      testbed(order, {
        calls: { inventory: { reserve: () => ({ outcome: ReserveOutcome.RESERVED }) } },
      });
    await expectCrashSafe(build, (bed) => bed.hear(PlaceOrder, { orderId: 'o1' }, { id: 'e1' }));
    const bed = build();
    await bed.hear(PlaceOrder, { orderId: 'o1' }, { id: 'e1' });
    expect(bed.said(OrderCreated)).toHaveLength(1);
  });
});
