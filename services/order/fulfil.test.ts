import { describe, expect, it } from '@jest/globals';
import { asService } from '#kit/caller';
import { expectCrashSafe } from '#kit/crash-safety';
import { Code, refused } from '#kit/errors';
import {
  OrderCancelled,
  OrderConfirmed,
  OrderCreated,
  OrderStatusUpdated,
  PlaceOrder,
} from '#contracts/order';
import { type Bed, World, bedWith, orderOf, pending, silent, steps, wish } from './bed';

const fulfil = (bed: Bed) => bed.hear(PlaceOrder, { orderId: 'o1' }, { id: 'place' });

async function fulfilled(wanted = wish(), world = new World()) {
  const bed = await bedWith(pending(wanted), world);
  expect(await fulfil(bed)).toBe('SUCCESS');
  return { bed, world, order: await orderOf(bed) };
}

describe('an order that nothing stands against', () => {
  it('is confirmed, and everybody has done their part', async () => {
    const { bed, world, order } = await fulfilled();
    expect(order).toMatchObject({
      ...{ status: 'confirmed', paymentId: 'pay_o1', deliveryId: 'delivery_o1' },
      ...{ confirmedAt: '2026-01-01T00:00:00.000Z', undo: [] },
    });
    expect(world.sold()).toBe(true);
    expect(bed.memory.calls.map(({ method }) => method)).toEqual([
      'reserve',
      'charge',
      'schedule',
      'commit',
    ]);
  });

  it('is announced, and confirmed once', async () => {
    const { bed } = await fulfilled();
    const whose = { orderId: 'o1', userId: 'ann' };
    const items = [
      { productId: 'pen', quantity: 2 },
      { productId: 'ink', quantity: 1 },
    ];
    const totalAmount = { amount: '44.98', currency: 'EUR' };
    expect(bed.said(OrderCreated)).toMatchObject([{ ...whose, items, totalAmount }]);
    expect(bed.said(OrderConfirmed)).toEqual([
      { ...whose, shopId: 'shop_1', status: 'confirmed', items, totalAmount },
    ]);
    expect(bed.said(OrderStatusUpdated)).toEqual([
      { ...whose, status: 'confirmed', previousStatus: 'pending' },
    ]);
    expect(bed.said(OrderCancelled)).toEqual([]);
    const numbered = bed.memory.events.map(({ type, sequence }) => `${type} ${sequence}`);
    expect(numbered).toEqual(['order.created 1', 'order.confirmed 2', 'order.status.updated 2']);
  });

  it('tells its story', async () => {
    const { order } = await fulfilled();
    expect(steps(order)).toEqual(['place done', 'reserve done', 'charge done', 'schedule done']);
    const at = '2026-01-01T00:00:00.000Z';
    expect(order.story.steps[2]).toEqual({ step: 'charge', outcome: 'done', at, ms: 0 });
    expect(order.story.events).toEqual([
      { type: 'order.created', at },
      { type: 'order.confirmed', at },
      { type: 'order.status.updated', at },
    ]);
  });

  it('is in the list of its buyer', async () => {
    const { bed } = await fulfilled();
    const { ids } = await bed.context(asService()).lists.byUser.page('ann', 1, 20);
    expect(ids).toEqual(['o1']);
  });

  it('costs two writes: its own and that of the list', async () => {
    const { bed } = await fulfilled();
    expect(bed.sidecar.saves).toBe(2 + outcomeOfTheCommand);
  });

  it('asks only for what each service must know', async () => {
    const { bed } = await fulfilled();
    const { payment, deliveryAddress, ...order } = wish();
    const asked = Object.fromEntries(bed.memory.calls.map((call) => [call.method, call.request]));
    const goods = { orderId: 'o1', shopId: 'shop_1', items: order.items };
    const amount = { amount: '44.98', currency: 'EUR' };
    expect(asked).toMatchObject({
      reserve: goods,
      charge: { orderId: 'o1', userId: 'ann', amount, ...payment },
      schedule: { orderId: 'o1', userId: 'ann', shopId: 'shop_1', address: deliveryAddress },
      commit: goods,
    });
    expect(JSON.stringify([asked['reserve'], asked['commit']])).not.toContain('tok_ok');
  });
});

/** Nobody waits for the command here, so that how it ended is written down. */
const outcomeOfTheCommand = 1;

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
    story: ['reserve done', 'charge unknown', 'void done', 'release done'],
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
    expect(bed.said(OrderCancelled)).toEqual([
      { orderId: 'o1', userId: 'ann', shopId: 'shop_1', reason },
    ]);
    expect(bed.said(OrderStatusUpdated)).toEqual([
      { orderId: 'o1', userId: 'ann', status: 'cancelled', previousStatus: 'pending' },
    ]);
    expect(bed.said(OrderConfirmed)).toEqual([]);
  });

  it('goes on with the undoing after a crash, and not forward again', async () => {
    const world = new World();
    const bed = await bedWith(pending(wanted), world);
    bed.fail({ crashAfterEffect: decisionOf(story) });
    await expect(fulfil(bed)).rejects.toThrow('killed');
    bed.restart();
    expect(await orderOf(bed)).toMatchObject({ status: 'cancelling', reason });
    const before = bed.memory.calls.length;
    expect(await fulfil(bed)).toBe('SUCCESS');
    const after = bed.memory.calls.slice(before).map(({ method }) => method);
    expect(after).toEqual(story.filter((step) => /void|refund|release/.test(step)).map(first));
    expect(steps(await orderOf(bed))).toEqual(['place done', ...story]);
  });
});

/** The list and the announcement come first, then one effect for each step that was answered. */
function decisionOf(story: readonly string[]): number {
  const forward = story.filter((step) => /^(reserve|charge|schedule)/.test(step));
  return 2 + forward.filter((step) => !step.endsWith('unknown')).length + 1;
}

const first = (step: string) => step.split(' ')[0];

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
      victim.fail({ crashAfterEffect: effect });
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

describe('a payment that is silent', () => {
  const chargesWith = async (world: World, wanted = wish()) => {
    const { bed, order } = await fulfilled(wanted, world);
    return { charges: bed.called('payment', 'charge'), status: order.status };
  };

  it('is asked again under the same order', async () => {
    const stumbling = await chargesWith(new World(), wish({ token: 'tok_flaky' }));
    expect(stumbling).toEqual({ charges: 3, status: 'confirmed' });
  });

  it.each([Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.CANCELLED, Code.UNKNOWN])(
    'is asked three times and no more: status %i',
    async (code) => {
      const world = new World();
      world.faults.set(
        'charge',
        [1, 2, 3, 4].map(() => silent(code)),
      );
      expect(await chargesWith(world)).toEqual({ charges: 3, status: 'cancelled' });
    },
  );

  it('is given up sooner where there would be no time to undo it', async () => {
    const world = new World();
    const error = silent(Code.DEADLINE_EXCEEDED);
    const slow = { shift: () => (world.clock.advance(10_000), error) };
    world.faults.set('charge', Object.assign([error], slow));
    expect(await chargesWith(world)).toEqual({ charges: 2, status: 'cancelled' });
    // of 45 s, so that a void and a release as slow as can be have their time
    expect(world.clock.now() - Date.parse('2026-01-01')).toBeLessThanOrEqual(21_000);
  });

  it('that was voided meanwhile cancels the order', async () => {
    const world = new World();
    world.money.set('o1', 'voided');
    const { order } = await fulfilled(wish(), world);
    expect(order).toMatchObject({ status: 'cancelled', reason: 'payment_unknown' });
    expect(steps(order)).toContain('charge refused');
  });
});

describe('a step that cannot be asked for', () => {
  it.each(['reserve', 'schedule', 'commit'])('is asked for again later: %s', async (method) => {
    const world = new World();
    world.faults.set(method, [silent(Code.UNAVAILABLE)]);
    const bed = await bedWith(pending(), world);
    expect(await fulfil(bed)).toBe('RETRY');
    expect(bed.said(OrderConfirmed)).toEqual([]);
    expect(await fulfil(bed)).toBe('SUCCESS');
    expect(await orderOf(bed)).toMatchObject({ status: 'confirmed' });
    expect(bed.said(OrderConfirmed)).toHaveLength(1);
    expect(world.sold()).toBe(true);
  });

  it.each([
    ['void', wish({ token: 'tok_timeout' })],
    ['refund', wish({ country: 'AQ' })],
    ['release', wish({ token: 'tok_declined' })],
  ])('is undone later: %s', async (method, wanted) => {
    const world = new World();
    world.faults.set(method, [silent(Code.UNAVAILABLE), refused('refund_refused', 'no')]);
    const bed = await bedWith(pending(wanted), world);
    expect(await fulfil(bed)).toBe('RETRY');
    expect(await orderOf(bed)).toMatchObject({ status: 'cancelling' });
    // a refusal, too, is a fault once the order is decided
    expect(await fulfil(bed)).toBe('RETRY');
    expect(bed.said(OrderCancelled)).toEqual([]);
    expect(await fulfil(bed)).toBe('SUCCESS');
    expect(await orderOf(bed)).toMatchObject({ status: 'cancelled' });
    expect(bed.said(OrderCancelled)).toHaveLength(1);
    expect(world.sold()).toBe(false);
  });

  it('becomes a dead letter, and its replay goes on from there', async () => {
    const world = new World();
    world.faults.set('schedule', [silent(Code.UNAVAILABLE)]);
    const bed = await bedWith(pending(), world);
    expect(await fulfil(bed)).toBe('RETRY');
    const event = {
      ...{ specversion: '1.0', id: 'place', type: 'order.place', source: 'order' },
      ...{ subject: 'o1', data: { orderId: 'o1' } },
    };
    expect(await bed.deliver('order.dead', event)).toBe('SUCCESS');
    expect(await bed.host.deadLetters.get('place')).toMatchObject({ reason: 'unavailable' });
    expect(await orderOf(bed)).toMatchObject({ status: 'pending' });
    expect(await bed.host.replay('place')).toEqual({ succeeded: true });
    expect(await orderOf(bed)).toMatchObject({ status: 'confirmed' });
    expect(world.sold()).toBe(true);
  });
});

describe('a step that is refused by an error', () => {
  it.each([
    ['reserve', 'out_of_stock'],
    ['charge', 'payment_unknown'],
    ['schedule', 'undeliverable'],
  ])('cancels the order like any refusal: %s', async (method, reason) => {
    const world = new World();
    world.faults.set(method, [refused('no_such_thing', 'no')]);
    const { order } = await fulfilled(wish(), world);
    expect(order).toMatchObject({ status: 'cancelled', reason });
    expect(order.story.steps).toContainEqual(
      expect.objectContaining({ step: method, outcome: 'refused', reason: 'no_such_thing' }),
    );
    expect(world.sold()).toBe(false);
  });

  it('is named by its status where it names no reason', async () => {
    const world = new World();
    world.faults.set('reserve', [silent(Code.PERMISSION_DENIED)]);
    const { order } = await fulfilled(wish(), world);
    expect(order.story.steps).toContainEqual(
      expect.objectContaining({ step: 'reserve', reason: 'permission_denied' }),
    );
  });
});

it('an order that is not there is refused', async () => {
  const bed = await bedWith(pending());
  expect(await bed.hear(PlaceOrder, { orderId: 'o2' }, { id: 'place' })).toBe('SUCCESS');
  expect(bed.memory.calls).toEqual([]);
});
