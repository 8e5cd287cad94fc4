import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { defineEvent } from '#kit/messages/contract';
import { Service } from '#kit/service/service';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { testbed } from '#kit/testing/testbed';
import { StockUpdated } from '#contracts/inventory';
import { OrderConfirmed } from '#contracts/order';

// The example of docs/guides/event-streaming.md: a service that earns points for confirmed orders.

const PointsEarned = defineEvent('PointsEarned', {
  type: 'points.earned',
  version: 2,
  description: 'A user earned points with an order.',
  data: z.object({ userId: z.string(), points: z.int(), orderId: z.string() }),
  subject: ({ userId }) => userId,
  earlierVersions: [
    {
      version: 1,
      data: z.object({ userId: z.string(), points: z.int() }),
      upcast: (data) => ({ ...z.looseObject({}).parse(data), orderId: 'unknown' }),
    },
  ],
});

const Account = z.object({ points: z.int() });
const loyalty = new Service('loyalty', {
  stores: { accounts: Account },
  publishes: [PointsEarned],
});

loyalty.on(OrderConfirmed, async ({ orderId, userId, totalAmount }, { accounts, publish }) => {
  const points = Math.floor(Number(totalAmount.amount));
  await accounts.update(userId, (now = { points: 0 }) => ({ points: now.points + points }));
  await publish(PointsEarned, { userId, points, orderId });
});

const confirmed = {
  orderId: 'o1',
  userId: 'ann',
  shopId: 'shop_1',
  status: 'confirmed' as const,
  items: [{ productId: 'pen', quantity: 1 }],
  totalAmount: { amount: '19.99', currency: 'EUR' },
};

test('an event that is delivered twice has one effect', async () => {
  const bed = testbed(loyalty);
  for (let delivery = 1; delivery <= 2; delivery++) {
    const status = await bed.handleEvent(OrderConfirmed, confirmed, { id: 'event-1' });
    expect(status).toBe('SUCCESS');
  }
  expect(await bed.context().accounts.get('ann')).toEqual({ points: 19 });
  expect(bed.published(PointsEarned)).toEqual([{ userId: 'ann', points: 19, orderId: 'o1' }]);
});

test('a crash after any side effect ends the same', async () => {
  await expectCrashSafe(
    () => testbed(loyalty),
    (bed) => bed.handleEvent(OrderConfirmed, confirmed, { id: 'event-1' }),
  );
});

const Shelf = z.object({ stock: z.int(), sequence: z.int() });
const display = new Service('display', { stores: { shelves: Shelf } });

display.on(StockUpdated, async ({ shopId, productId, newStock }, { shelves }, { sequence }) => {
  await shelves.update(`${shopId}:${productId}`, (now) =>
    now !== undefined && now.sequence >= sequence ? now : { stock: newStock, sequence },
  );
});

test('an older event does not overwrite newer data', async () => {
  const bed = testbed(display);
  const stock = (newStock: number) => ({
    shopId: 'shop_1',
    productId: 'pen',
    newStock,
    previousStock: 0,
    change: newStock,
    reason: 'delivery',
  });
  await bed.handleEvent(StockUpdated, stock(7), { sequence: 2 });
  await bed.handleEvent(StockUpdated, stock(9), { sequence: 1 });
  expect(await bed.context().shelves.get('shop_1:pen')).toEqual({ stock: 7, sequence: 2 });
});

const reader = new Service('reader', { stores: { accounts: Account } });
reader.on(PointsEarned, async ({ orderId, points }, { accounts }) => {
  await accounts.update(orderId, () => ({ points }));
});

test('an event of an earlier version is upcast to the newest', async () => {
  const bed = testbed(reader);
  const event = bed.eventOf(
    PointsEarned,
    { userId: 'ann', points: 5, orderId: '' },
    { version: 1 },
  );
  expect(await bed.deliver({ ...event, data: { userId: 'ann', points: 5 } })).toBe('SUCCESS');
  expect(await bed.context().accounts.get('unknown')).toEqual({ points: 5 });
});
