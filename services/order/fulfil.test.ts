import { describe, expect, it } from '@jest/globals';
import { asService } from '#kit/core/caller';
import { MAX_ATTEMPTS } from '#kit/delivery/event-dispatcher';
import { Code, refused } from '#kit/core/errors';
import {
  OrderCancelled,
  OrderConfirmed,
  OrderCreated,
  OrderStatusUpdated,
  PlaceOrder,
} from '#contracts/order';
import {
  World,
  bedWith,
  fulfil,
  fulfilled,
  orderOf,
  pending,
  silent,
  steps,
  wish,
} from './testing';

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
    expect(bed.published(OrderCreated)).toMatchObject([{ ...whose, items, totalAmount }]);
    expect(bed.published(OrderConfirmed)).toEqual([
      { ...whose, shopId: 'shop_1', status: 'confirmed', items, totalAmount },
    ]);
    expect(bed.published(OrderStatusUpdated)).toEqual([
      { ...whose, status: 'confirmed', previousStatus: 'pending' },
    ]);
    expect(bed.published(OrderCancelled)).toEqual([]);
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
    const { items: ids } = await bed.context(asService()).lists.byUser.page('ann', 1, 20);
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

describe('a step that cannot be asked for', () => {
  it.each(['reserve', 'schedule', 'commit'])('is asked for again later: %s', async (method) => {
    const world = new World();
    world.faults.set(method, [silent(Code.UNAVAILABLE)]);
    const bed = await bedWith(pending(), world);
    expect(await fulfil(bed)).toBe('RETRY');
    expect(bed.published(OrderConfirmed)).toEqual([]);
    expect(await fulfil(bed)).toBe('SUCCESS');
    expect(await orderOf(bed)).toMatchObject({ status: 'confirmed' });
    expect(bed.published(OrderConfirmed)).toHaveLength(1);
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
    expect(bed.published(OrderCancelled)).toEqual([]);
    expect(await fulfil(bed)).toBe('SUCCESS');
    expect(await orderOf(bed)).toMatchObject({ status: 'cancelled' });
    expect(bed.published(OrderCancelled)).toHaveLength(1);
    expect(world.sold()).toBe(false);
  });

  it('becomes a dead letter, and its replay goes on from there', async () => {
    const world = new World();
    const failures = Array.from({ length: MAX_ATTEMPTS }, () => silent(Code.INTERNAL));
    world.faults.set('schedule', failures);
    const bed = await bedWith(pending(), world);
    while ((await fulfil(bed)) === 'RETRY');
    expect(await bed.runtime.deadLetters.get('place')).toMatchObject({ reason: 'internal' });
    expect(await orderOf(bed)).toMatchObject({ status: 'pending' });
    expect(await bed.runtime.replay('place')).toEqual({ succeeded: true });
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
  expect(await bed.handleEvent(PlaceOrder, { orderId: 'o2' }, { id: 'place' })).toBe('SUCCESS');
  expect(bed.memory.calls).toEqual([]);
});
