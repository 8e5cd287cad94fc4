import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { refused, unavailable } from '#kit/core/errors';
import { MAX_ATTEMPTS, POISON_MS } from '#kit/delivery/parking/parked-event';
import { methods } from '#kit/service/definition';
import { Service } from '#kit/service/service';
import { testbed } from '#kit/testing/testbed';
import { OrderCancelled, OrderCreated } from '#contracts/order';
import { InventoryService, ReserveOutcome } from '#proto/retail/inventory/v1/inventory_pb';
import { fulfilled, steps, orderRequest } from '../../services/order/testing';

// The example of docs/guides/patterns-and-errors.md: first the saga of an order, then a handler whose
// call fails in several ways.

test('a declined payment releases the reservation and cancels the order', async () => {
  const { bed, order } = await fulfilled(orderRequest({ token: 'tok_declined' }));
  expect(order).toMatchObject({ status: 'cancelled', reason: 'payment_failed' });
  expect(steps(order)).toEqual(['place done', 'reserve done', 'charge declined', 'release done']);
  expect(bed.published(OrderCancelled)).toMatchObject([{ reason: 'payment_failed' }]);
});

test('a payment service that fails twice is retried within the same execution', async () => {
  const { bed, order } = await fulfilled(orderRequest({ token: 'tok_flaky' }));
  expect(order.status).toBe('confirmed');
  expect(bed.callCount('payment', 'charge')).toBe(3);
});

const holder = new Service('holder', {
  calls: { inventory: methods(InventoryService, 'reserve') },
  stores: { holds: z.object({ held: z.boolean() }) },
});

holder.on(OrderCreated, async ({ orderId, shopId, items }, { inventory, holds }) => {
  const { outcome } = await inventory.reserve({ orderId, shopId, items });
  await holds.update(orderId, () => ({ held: outcome === ReserveOutcome.RESERVED }));
});

const created = {
  orderId: 'o1',
  userId: 'ann',
  shopId: 'shop_1',
  items: [{ productId: 'pen', quantity: 1, unitPrice: { amount: '1.00', currency: 'EUR' } }],
  totalAmount: { amount: '1.00', currency: 'EUR' },
};

/** The service beside an inventory that fails with these errors, then answers. */
function holderWith(...errors: Error[]) {
  return testbed(holder, {
    calls: {
      inventory: {
        reserve: () => {
          const error = errors.shift();
          if (error !== undefined) throw error;
          return { outcome: ReserveOutcome.RESERVED };
        },
      },
    },
  });
}

async function deadLettersOf(bed: ReturnType<typeof holderWith>) {
  const { letters } = await bed.runtime.deadLetters.page(1, 10);
  return letters.map(({ reason, attempts }) => ({ reason, attempts }));
}

test('an event is parked until an unavailable service is back', async () => {
  const bed = holderWith(unavailable('connection refused'));
  expect(await bed.handleEvent(OrderCreated, created, { id: 'e1' })).toBe('PARKED');
  expect(await bed.handleEvent(OrderCreated, created, { id: 'e1' })).toBe('SUCCESS');
  expect(await bed.context().holds.get('o1')).toEqual({ held: true });
});

test('an event that fails in every attempt for minutes is a dead letter', async () => {
  const bed = holderWith(...Array.from({ length: MAX_ATTEMPTS }, () => new TypeError('a bug')));
  for (let attempt = 1; attempt < MAX_ATTEMPTS; attempt++) {
    expect(await bed.handleEvent(OrderCreated, created, { id: 'e1' })).toBe('PARKED');
  }
  bed.clock.advance(POISON_MS);
  expect(await bed.handleEvent(OrderCreated, created, { id: 'e1' })).toBe('SUCCESS');
  expect(await deadLettersOf(bed)).toEqual([{ reason: 'internal', attempts: MAX_ATTEMPTS }]);
});

test('a refused event is a dead letter after one delivery', async () => {
  const bed = holderWith(refused('shop_closed', 'the shop is closed'));
  expect(await bed.handleEvent(OrderCreated, created, { id: 'e1' })).toBe('SUCCESS');
  expect(await deadLettersOf(bed)).toEqual([{ reason: 'shop_closed', attempts: 1 }]);
});
