import { describe, expect, it } from '@jest/globals';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { unavailable } from '#kit/core/errors';
import { OrderCancelled, OrderConfirmed, OrderStatusUpdated } from '#contracts/order';
import {
  FakeServices,
  bedWith,
  fulfil,
  fulfilled,
  orderOf,
  pendingOrder,
  steps,
  orderRequest,
} from './testing';

const branches = [
  {
    what: 'that is out of stock',
    request: orderRequest({ quantity: 101 }),
    reason: 'out_of_stock',
    story: ['reserve refused'],
    stepReason: 'out_of_stock',
  },
  {
    what: 'whose payment is declined',
    request: orderRequest({ token: 'tok_declined' }),
    reason: 'payment_failed',
    story: ['reserve done', 'charge declined', 'release done'],
    stepReason: 'insufficient_funds',
  },
  {
    what: 'whose payment outcome stays unknown',
    request: orderRequest({ token: 'tok_timeout' }),
    reason: 'payment_unknown',
    story: ['reserve done', 'charge unknown', 'cancel_delivery done', 'void done', 'release done'],
    stepReason: 'deadline_exceeded',
  },
  {
    what: 'that cannot be delivered',
    request: orderRequest({ country: 'FR' }),
    reason: 'undeliverable',
    story: ['reserve done', 'charge done', 'schedule refused', 'refund done', 'release done'],
    stepReason: 'undeliverable',
  },
];

describe.each(branches)('an order $what', ({ request, reason, story, stepReason }) => {
  it('is cancelled, and its steps are compensated in reverse order', async () => {
    const { bed, services, order } = await fulfilled(request);
    expect(order).toMatchObject({ status: 'cancelled', reason });
    expect(order.confirmedAt).toBeUndefined();
    expect(steps(order)).toEqual(['place done', ...story]);
    expect(order.story.steps.find((step) => step.reason !== undefined)?.reason).toBe(stepReason);
    expect(order.story.events.map(({ type }) => type)).toEqual([
      'order.created',
      'order.cancelled',
      'order.status.updated',
    ]);
    expect(services.isSold()).toBe(false);
    expect(bed.published(OrderCancelled)).toEqual([
      { orderId: 'o1', userId: 'ann', shopId: 'shop_1', reason },
    ]);
    expect(bed.published(OrderStatusUpdated)).toEqual([
      { orderId: 'o1', userId: 'ann', status: 'cancelled', previousStatus: 'pending' },
    ]);
    expect(bed.published(OrderConfirmed)).toEqual([]);
  });

  it('continues with the compensations after a crash, and not forward again', async () => {
    const services = new FakeServices();
    const bed = await bedWith(pendingOrder(request), services);
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

/** The list and order.created come first, then one effect for each step that was answered. */
function decisionOf(story: readonly string[]): number {
  const forward = story.filter((step) => /^(reserve|charge|schedule)/.test(step));
  return 2 + forward.filter((step) => !step.endsWith('unknown')).length + 1;
}

const first = (step: string) => step.split(/[ _]/)[0];

const outcomes = [
  { what: 'that succeeds', request: orderRequest() },
  { what: 'whose payment is flaky', request: orderRequest({ token: 'tok_flaky' }) },
  ...branches,
];

describe.each(outcomes)('an order $what', ({ request }) => {
  it('ends the same wherever the process crashes', async () => {
    await expectCrashSafe(() => bedWith(pendingOrder(request)), fulfil);
  });

  it('leaves no partial sale, wherever the process crashes', async () => {
    const { services, order, bed } = await fulfilled(request);
    const expected = { sold: services.isSold(), status: order.status };
    for (let effect = 1; effect <= bed.sidecar.effects; effect++) {
      const again = new FakeServices();
      const crashing = await bedWith(pendingOrder(request), again);
      crashing.injectFaults({ crashAfterEffect: effect });
      await expect(fulfil(crashing)).rejects.toThrow('killed');
      crashing.restart();
      await fulfil(crashing);
      const { status } = await orderOf(crashing);
      expect({ sold: again.isSold(), status }).toEqual(expected);
    }
  });

  it('stores no token and no address after the decision, and publishes neither', async () => {
    const { bed, order } = await fulfilled(request);
    const secret = /tok_|Ann Example|High Street|10115|Berlin/;
    expect(JSON.stringify(order)).not.toMatch(secret);
    expect(JSON.stringify([...bed.memory.documents])).not.toMatch(secret);
    expect(JSON.stringify(bed.memory.events)).not.toMatch(secret);
  });
});

it('an unavailable payment does not cancel an order whose delivery is already scheduled', async () => {
  const services = new FakeServices();
  const bed = await bedWith(pendingOrder(), services);
  // after the list, order.created and three steps, before the decision
  bed.injectFaults({ crashAfterEffect: 5 });
  await expect(fulfil(bed)).rejects.toThrow('killed');
  bed.restart();
  services.faults.set(
    'charge',
    [1, 2, 3].map(() => unavailable('payment is unavailable')),
  );
  expect(await fulfil(bed)).toBe('PARKED');
  expect(await orderOf(bed)).toMatchObject({ status: 'pending' });
  expect(await fulfil(bed)).toBe('SUCCESS');
  expect(services.isSold()).toBe(true);
});
