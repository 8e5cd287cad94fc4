import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { Code } from '#kit/core/errors';
import { defineEvent } from '#kit/messages/contract';
import { type ContextOf, Service } from '#kit/service/service';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { testbed } from '#kit/testing/testbed';
import { OrderConfirmed } from '#contracts/order';
import { LoyaltyService } from './loyalty-pb';

// The example of README.md: a new service.

const Account = z.object({ points: z.int() });
const PointsEarned = defineEvent('PointsEarned', {
  type: 'points.earned',
  version: 1,
  description: 'A user earned points with an order.',
  data: z.object({ userId: z.string(), points: z.int() }),
  subject: ({ userId }) => userId,
});

/** A point for each whole unit of the currency. */
const earn =
  ({ amount }: { amount: string }) =>
  (now = { points: 0 }) => ({ points: now.points + Math.floor(Number(amount)) });

export const loyalty = new Service('loyalty', {
  serves: LoyaltyService,
  stores: { accounts: Account },
  publishes: [PointsEarned],
});
export type Context = ContextOf<typeof loyalty>;

loyalty.serve({
  getAccount: async (request, { accounts }) => accounts.getOrThrow(request.userId),
});
loyalty.on(OrderConfirmed, async ({ userId, totalAmount }, { accounts, publish }) => {
  const account = await accounts.update(userId, earn(totalAmount));
  await publish(PointsEarned, { userId, points: account.points });
});

const confirmed = {
  orderId: 'o1',
  userId: 'ann',
  shopId: 'shop_1',
  status: 'confirmed' as const,
  items: [{ productId: 'pen', quantity: 1 }],
  totalAmount: { amount: '19.99', currency: 'EUR' },
};

test('the service handles an event, publishes another, and answers a call', async () => {
  const bed = testbed(loyalty);
  await bed.handleEvent(OrderConfirmed, confirmed);
  expect(await bed.call('getAccount', { userId: 'ann' })).toMatchObject({ points: 19 });
  expect(bed.published(PointsEarned)).toEqual([{ userId: 'ann', points: 19 }]);
  const unknown = bed.call('getAccount', { userId: 'bob' });
  await expect(unknown).rejects.toMatchObject({ code: Code.NOT_FOUND });
});

test('a crash after any side effect ends the same', async () => {
  await expectCrashSafe(
    () => testbed(loyalty),
    (bed) => bed.handleEvent(OrderConfirmed, confirmed, { id: 'event-1' }),
  );
});
