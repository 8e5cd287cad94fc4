import { describe, expect, it } from '@jest/globals';
import { asService } from '#kit/core/caller';
import { MAX_ATTEMPTS, POISON_MS } from '#kit/delivery/parking/parked-event';
import { Code, refused } from '#kit/core/errors';
import {
  OrderCancelled,
  OrderConfirmed,
  OrderCreated,
  OrderStatusUpdated,
  PlaceOrder,
} from '#contracts/order';
import {
  FakeServices,
  bedWith,
  fulfil,
  fulfilled,
  orderOf,
  pendingOrder,
  noAnswer,
  steps,
  orderRequest,
} from './testing';

describe('an order that succeeds', () => {
  it('is confirmed after every service did its step', async () => {
    const { bed, services, order } = await fulfilled();
    expect(order).toMatchObject({
      status: 'confirmed',
      paymentId: 'pay_o1',
      deliveryId: 'delivery_o1',
      confirmedAt: '2026-01-01T00:00:00.000Z',
      undo: [],
    });
    expect(services.isSold()).toBe(true);
    expect(bed.memory.calls.map(({ method }) => method)).toEqual([
      'reserve',
      'charge',
      'schedule',
      'commit',
    ]);
  });

  it('is published as created, and as confirmed once', async () => {
    const { bed } = await fulfilled();
    const ids = { orderId: 'o1', userId: 'ann' };
    const items = [
      { productId: 'pen', quantity: 2 },
      { productId: 'ink', quantity: 1 },
    ];
    const totalAmount = { amount: '44.98', currency: 'EUR' };
    expect(bed.published(OrderCreated)).toMatchObject([{ ...ids, items, totalAmount }]);
    expect(bed.published(OrderConfirmed)).toEqual([
      { ...ids, shopId: 'shop_1', status: 'confirmed', items, totalAmount, channel: 'online' },
    ]);
    expect(bed.published(OrderStatusUpdated)).toEqual([
      { ...ids, status: 'confirmed', previousStatus: 'pending' },
    ]);
    expect(bed.published(OrderCancelled)).toEqual([]);
    const numbered = bed.memory.events.map(({ type, sequence }) => `${type} ${sequence}`);
    expect(numbered).toEqual(['order.created 1', 'order.confirmed 2', 'order.status.updated 2']);
  });

  it('has its steps and events in its saga log', async () => {
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

  it('is listed for its buyer', async () => {
    const { bed } = await fulfilled();
    const { items: ids } = await bed.context(asService()).lists.byUser.page('ann', 1, 20);
    expect(ids).toEqual(['o1']);
  });

  it('costs two writes: its document and the list', async () => {
    const { bed } = await fulfilled();
    expect(bed.sidecar.saves).toBe(2 + COMMAND_RESULT_WRITES);
  });

  it('sends each service only the data that it needs', async () => {
    const { bed } = await fulfilled();
    const { payment, deliveryAddress, ...order } = orderRequest();
    const requests = Object.fromEntries(
      bed.memory.calls.map((call) => [call.method, call.request]),
    );
    const reservation = { orderId: 'o1', shopId: 'shop_1', items: order.items };
    const amount = { amount: '44.98', currency: 'EUR' };
    expect(requests).toMatchObject({
      reserve: reservation,
      charge: { orderId: 'o1', userId: 'ann', amount, ...payment },
      schedule: { orderId: 'o1', userId: 'ann', shopId: 'shop_1', address: deliveryAddress },
      commit: reservation,
    });
    expect(JSON.stringify([requests['reserve'], requests['commit']])).not.toContain('tok_ok');
  });
});

/** No caller waits for the command here, so its result is stored. */
const COMMAND_RESULT_WRITES = 1;

describe('a step whose service is unavailable', () => {
  it.each(['reserve', 'schedule', 'commit'])('is retried in a redelivery: %s', async (method) => {
    const services = new FakeServices();
    services.faults.set(method, [noAnswer(Code.UNAVAILABLE)]);
    const bed = await bedWith(pendingOrder(), services);
    expect(await fulfil(bed)).toBe('PARKED');
    expect(bed.published(OrderConfirmed)).toEqual([]);
    expect(await fulfil(bed)).toBe('SUCCESS');
    expect(await orderOf(bed)).toMatchObject({ status: 'confirmed' });
    expect(bed.published(OrderConfirmed)).toHaveLength(1);
    expect(services.isSold()).toBe(true);
  });

  it.each([
    ['void', orderRequest({ token: 'tok_timeout' })],
    ['refund', orderRequest({ country: 'FR' })],
    ['release', orderRequest({ token: 'tok_declined' })],
  ])('is compensated in a redelivery: %s', async (method, request) => {
    const services = new FakeServices();
    services.faults.set(method, [noAnswer(Code.UNAVAILABLE), refused('refund_refused', 'no')]);
    const bed = await bedWith(pendingOrder(request), services);
    expect(await fulfil(bed)).toBe('PARKED');
    expect(await orderOf(bed)).toMatchObject({ status: 'cancelling' });
    // after the decision, a refusal is retried like a failure
    expect(await fulfil(bed)).toBe('PARKED');
    expect(bed.published(OrderCancelled)).toEqual([]);
    expect(await fulfil(bed)).toBe('SUCCESS');
    expect(await orderOf(bed)).toMatchObject({ status: 'cancelled' });
    expect(bed.published(OrderCancelled)).toHaveLength(1);
    expect(services.isSold()).toBe(false);
  });

  it('becomes a dead letter, and a replay continues from there', async () => {
    const services = new FakeServices();
    const failures = Array.from({ length: MAX_ATTEMPTS + 1 }, () => noAnswer(Code.INTERNAL));
    services.faults.set('schedule', failures);
    const bed = await bedWith(pendingOrder(), services);
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      expect(await fulfil(bed)).toBe('PARKED');
    }
    bed.clock.advance(POISON_MS);
    expect(await fulfil(bed)).toBe('SUCCESS');
    expect(await bed.runtime.deadLetters.get('place')).toMatchObject({ reason: 'internal' });
    expect(await orderOf(bed)).toMatchObject({ status: 'pending' });
    expect(await bed.runtime.replay('place')).toEqual({ succeeded: true });
    expect(await orderOf(bed)).toMatchObject({ status: 'confirmed' });
    expect(services.isSold()).toBe(true);
  });
});

describe('a step that is refused with an error', () => {
  it.each([
    ['reserve', 'out_of_stock'],
    ['charge', 'payment_unknown'],
    ['schedule', 'undeliverable'],
  ])('cancels the order like any refusal: %s', async (method, reason) => {
    const services = new FakeServices();
    services.faults.set(method, [refused('no_such_thing', 'no')]);
    const { order } = await fulfilled(orderRequest(), services);
    expect(order).toMatchObject({ status: 'cancelled', reason });
    expect(order.story.steps).toContainEqual(
      expect.objectContaining({ step: method, outcome: 'refused', reason: 'no_such_thing' }),
    );
    expect(services.isSold()).toBe(false);
  });

  it('has the status code as its reason if the error has none', async () => {
    const services = new FakeServices();
    services.faults.set('reserve', [noAnswer(Code.PERMISSION_DENIED)]);
    const { order } = await fulfilled(orderRequest(), services);
    expect(order.story.steps).toContainEqual(
      expect.objectContaining({ step: 'reserve', reason: 'permission_denied' }),
    );
  });
});

it('a command for an unknown order is refused', async () => {
  const bed = await bedWith(pendingOrder());
  expect(await bed.handleEvent(PlaceOrder, { orderId: 'o2' }, { id: 'place' })).toBe('SUCCESS');
  expect(bed.memory.calls).toEqual([]);
});
