import { describe, expect, it } from '@jest/globals';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { unavailable } from '#kit/core/errors';
import { OrderCancelled, OrderConfirmed, OrderStatusUpdated } from '#contracts/order';
import { World, bedWith, fulfil, fulfilled, orderOf, pending, steps, wish } from './testing';

const branches = [
  {
    what: 'that is out of stock',
    wanted: wish({ quantity: 101 }),
    reason: 'out_of_stock',
    story: ['reserve refused'],
    why: 'out_of_stock',
  },
  {
    what: 'whose payment is declined',
    wanted: wish({ token: 'tok_declined' }),
    reason: 'payment_failed',
    story: ['reserve done', 'charge declined', 'release done'],
    why: 'insufficient_funds',
  },
  {
    what: 'whose payment stays unknown',
    wanted: wish({ token: 'tok_timeout' }),
    reason: 'payment_unknown',
    story: [
      ...['reserve done', 'charge unknown'],
      ...['cancel_delivery done', 'void done', 'release done'],
    ],
    why: 'deadline_exceeded',
  },
  {
    what: 'that cannot be delivered',
    wanted: wish({ country: 'AQ' }),
    reason: 'undeliverable',
    story: ['reserve done', 'charge done', 'schedule refused', 'refund done', 'release done'],
    why: 'undeliverable',
  },
];

describe.each(branches)('an order $what', ({ wanted, reason, story, why }) => {
  it('is cancelled, and what was done is undone, the last first', async () => {
    const { bed, world, order } = await fulfilled(wanted);
    expect(order).toMatchObject({ status: 'cancelled', reason });
    expect(order.confirmedAt).toBeUndefined();
    expect(steps(order)).toEqual(['place done', ...story]);
    expect(order.story.steps.find((step) => step.reason !== undefined)?.reason).toBe(why);
    expect(order.story.events.map(({ type }) => type)).toEqual([
      'order.created',
      'order.cancelled',
      'order.status.updated',
    ]);
    expect(world.sold()).toBe(false);
    expect(bed.published(OrderCancelled)).toEqual([
      { orderId: 'o1', userId: 'ann', shopId: 'shop_1', reason },
    ]);
    expect(bed.published(OrderStatusUpdated)).toEqual([
      { orderId: 'o1', userId: 'ann', status: 'cancelled', previousStatus: 'pending' },
    ]);
    expect(bed.published(OrderConfirmed)).toEqual([]);
  });

  it('goes on with the undoing after a crash, and not forward again', async () => {
    const world = new World();
    const bed = await bedWith(pending(wanted), world);
    bed.injectFaults({ crashAfterEffect: decisionOf(story) });
    await expect(fulfil(bed)).rejects.toThrow('killed');
    bed.restart();
    expect(await orderOf(bed)).toMatchObject({ status: 'cancelling', reason });
    const before = bed.memory.calls.length;
    expect(await fulfil(bed)).toBe('SUCCESS');
    const after = bed.memory.calls.slice(before).map(({ method }) => method);
    expect(after).toEqual(
      story.filter((step) => /cancel|void|refund|release/.test(step)).map(first),
    );
    expect(steps(await orderOf(bed))).toEqual(['place done', ...story]);
  });
});

/** The list and the announcement come first, then one effect for each step that was answered. */
function decisionOf(story: readonly string[]): number {
  const forward = story.filter((step) => /^(reserve|charge|schedule)/.test(step));
  return 2 + forward.filter((step) => !step.endsWith('unknown')).length + 1;
}

const first = (step: string) => step.split(/[ _]/)[0];

const outcomes = [
  { what: 'that nothing stands against', wanted: wish() },
  { what: 'whose payment stumbles', wanted: wish({ token: 'tok_flaky' }) },
  ...branches,
];

describe.each(outcomes)('an order $what', ({ wanted }) => {
  it('ends the same wherever the process dies', async () => {
    await expectCrashSafe(() => bedWith(pending(wanted)), fulfil);
  });

  it('leaves nothing half done, wherever the process dies', async () => {
    const { world, order, bed } = await fulfilled(wanted);
    const undisturbed = { sold: world.sold(), status: order.status };
    for (let effect = 1; effect <= bed.sidecar.effects; effect++) {
      const again = new World();
      const victim = await bedWith(pending(wanted), again);
      victim.injectFaults({ crashAfterEffect: effect });
      await expect(fulfil(victim)).rejects.toThrow('killed');
      victim.restart();
      await fulfil(victim);
      const { status } = await orderOf(victim);
      expect({ sold: again.sold(), status }).toEqual(undisturbed);
    }
  });

  it('keeps no token and no address once it is decided, and tells nobody of them', async () => {
    const { bed, order } = await fulfilled(wanted);
    const secret = /tok_|Ann Example|High Street|10115|Berlin/;
    expect(JSON.stringify(order)).not.toMatch(secret);
    expect(JSON.stringify([...bed.memory.documents])).not.toMatch(secret);
    expect(JSON.stringify(bed.memory.events)).not.toMatch(secret);
  });
});

it('is not of unknown payment while its delivery, which comes after the payment, is on its way', async () => {
  const world = new World();
  const bed = await bedWith(pending(), world);
  // after the list, the announcement and three steps, before the decision
  bed.injectFaults({ crashAfterEffect: 5 });
  await expect(fulfil(bed)).rejects.toThrow('killed');
  bed.restart();
  world.faults.set(
    'charge',
    [1, 2, 3].map(() => unavailable('payment is away')),
  );
  expect(await fulfil(bed)).toBe('RETRY');
  expect(await orderOf(bed)).toMatchObject({ status: 'pending' });
  expect(await fulfil(bed)).toBe('SUCCESS');
  expect(world.sold()).toBe(true);
});
