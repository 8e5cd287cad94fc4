import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import type { Caller } from '#kit/core/caller';
import { silentLog } from '#kit/core/log';
import { createFlags } from '#kit/flags/flags';
import { Service } from '#kit/service/service';
import { testbed } from '#kit/testing/testbed';
import { OrderCreated } from '#contracts/order';
import { z } from 'zod';

// The example of docs/guides/feature-flags.md.

const flags = createFlags({ file: join(__dirname, 'flags.json'), log: silentLog });
afterAll(() => flags.close());

const user = (userId: string, tenantId = 'default'): Caller => ({
  userId,
  tenantId,
  role: 'customer',
});
const users = Array.from({ length: 1_000 }, (_, index) => user(`user-${String(index)}`));

test('a flag is off by default and on for one tenant', async () => {
  expect(await flags.for(user('ann')).enabled('new_checkout')).toBe(false);
  expect(await flags.for(user('ann', 'pilot')).enabled('new_checkout')).toBe(true);
});

test('a percentage of the users gets a rollout, and each always the same', async () => {
  const on = await Promise.all(users.map((each) => flags.for(each).enabled('fast_picking')));
  const share = on.filter(Boolean).length / users.length;
  expect(share).toBeGreaterThan(0.2);
  expect(share).toBeLessThan(0.3);
  expect(await flags.for(users[7]!).enabled('fast_picking')).toBe(on[7]);
});

test('an A/B test splits the users between its variants', async () => {
  const seen = await Promise.all(users.map((each) => flags.for(each).value('banner')));
  expect(new Set(seen)).toEqual(new Set(['control', 'red']));
});

test('one user is exempt from the rule, and an unknown flag is off', async () => {
  expect(await flags.for(user('tester')).enabled('new_checkout')).toBe(true);
  expect(await flags.for(user('ann')).enabled('unknown')).toBe(false);
});

const Card = z.object({ greeting: z.string() });
const greeter = new Service('greeter', { stores: { cards: Card } });
greeter.on(OrderCreated, async ({ orderId, userId }, { cards, flagsFor }) => {
  const greeting = (await flagsFor(userId).enabled('friendly')) ? 'Hello!' : 'Order received.';
  await cards.update(orderId, () => ({ greeting }));
});

const created = {
  orderId: 'o1',
  userId: 'ann',
  shopId: 'shop_1',
  items: [{ productId: 'pen', quantity: 1, unitPrice: { amount: '1.00', currency: 'EUR' } }],
  totalAmount: { amount: '1.00', currency: 'EUR' },
};

test.each([
  [true, 'Hello!'],
  [false, 'Order received.'],
])(
  'a handler asks for the flag of the user that the event is about: %s',
  async (friendly, text) => {
    const bed = testbed(greeter, {
      flags: ({ userId }) => ({ friendly: friendly && userId === 'ann' }),
    });
    await bed.handleEvent(OrderCreated, created);
    expect(await bed.context().cards.get('o1')).toEqual({ greeting: text });
  },
);
