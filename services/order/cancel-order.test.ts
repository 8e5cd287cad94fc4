import { describe, expect, it } from '@jest/globals';
import type { Caller } from '#kit/core/caller';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { Code, unavailable } from '#kit/core/errors';
import type { CallOptions } from '#kit/testing/testbed-options';
import { CancelOrder, OrderCancelled, OrderConfirmed, OrderStatusUpdated } from '#contracts/order';
import {
  type Bed,
  FakeServices,
  ann,
  bedWith,
  fulfil,
  orderOf,
  pendingOrder,
  steps,
} from './testing';

const cancel = (bed: Bed, given: CallOptions = {}, reason = 'changed_my_mind') =>
  bed.call('cancelOrder', { orderId: 'o1', reason }, { caller: ann, id: 'cancel', ...given });

async function confirmed(services = new FakeServices()): Promise<Bed> {
  const bed = await bedWith(pendingOrder(), services);
  await fulfil(bed);
  bed.injectFaults({});
  return bed;
}

describe('cancelling a pending order', () => {
  it('runs and blocks every step that its fulfilment may have reached', async () => {
    const services = new FakeServices();
    const bed = await bedWith(pendingOrder(), services);
    const reason = 'changed_my_mind';
    expect(await cancel(bed)).toMatchObject({ orderId: 'o1', status: 'cancelled', reason });
    expect(steps(await orderOf(bed))).toEqual([
      'place done',
      'cancel_delivery done',
      'void done',
      'release done',
    ]);
    expect(bed.published(OrderCancelled)).toEqual([
      { orderId: 'o1', userId: 'ann', shopId: 'shop_1', reason },
    ]);
    expect(bed.published(OrderStatusUpdated)).toMatchObject([{ previousStatus: 'pending' }]);
    expect(JSON.stringify(await orderOf(bed))).not.toMatch(/tok_|High Street/);
  });

  it('prevents its fulfilment, and the order is still listed for its buyer', async () => {
    const services = new FakeServices();
    const bed = await bedWith(pendingOrder(), services);
    await cancel(bed);
    expect(await fulfil(bed)).toBe('SUCCESS');
    expect(services.stock.get('o1')).toBe('released');
    expect(bed.callCount('payment', 'charge')).toBe(0);
    expect(bed.published(OrderConfirmed)).toEqual([]);
    expect(bed.published(OrderCancelled)).toHaveLength(1);
    const { items } = await bed.call('listOrders', {}, { caller: ann });
    expect(items).toMatchObject([{ orderId: 'o1', status: 'cancelled' }]);
  });

  it('is not answered as accepted if it is not decided in time', async () => {
    const bed = await bedWith(pendingOrder());
    bed.sidecar.onPublish = () => undefined;
    await expect(cancel(bed)).rejects.toMatchObject({
      code: Code.DEADLINE_EXCEEDED,
      message: 'the cancellation is still in progress; retry with the same Idempotency-Key',
    });
    expect(await cancel(bed, { respondAsync: true })).toMatchObject({ status: 'pending' });
  });

  it('is refused once the parcel is delivered, and the fulfilment continues', async () => {
    const services = new FakeServices();
    const bed = await bedWith(pendingOrder(), services);
    // every step, but not the decision
    bed.injectFaults({ crashAfterEffect: 5 });
    await expect(fulfil(bed)).rejects.toThrow('killed');
    bed.restart();
    services.delivery.set('o1', 'delivered');
    await expect(cancel(bed)).rejects.toMatchObject({ details: { reason: 'delivered' } });
    expect(await orderOf(bed)).toMatchObject({ status: 'pending' });
    expect(await fulfil(bed)).toBe('SUCCESS');
    expect(services.isSold()).toBe(true);
  });

  it('publishes a reservation whose execution crashed before it published', async () => {
    const services = new FakeServices();
    const bed = await bedWith(pendingOrder(), services);
    services.faults.set('reserve', [unavailable('inventory crashed')]);
    expect(await fulfil(bed)).toBe('PARKED');
    await cancel(bed);
    expect(await fulfil(bed)).toBe('SUCCESS');
    const reservations = bed.memory.calls.filter(({ method }) => method === 'reserve');
    expect(reservations).toHaveLength(2);
    expect(reservations[0]?.causeId).toBe(reservations[1]?.causeId);
    expect(services.stock.get('o1')).toBe('released');
  });

  it('ends the same wherever the process crashes', async () => {
    await expectCrashSafe(() => bedWith(pendingOrder()), cancel);
  });
});

describe('cancelling a confirmed order', () => {
  it('cancels the delivery, refunds the buyer and returns the items to stock', async () => {
    const services = new FakeServices();
    const bed = await confirmed(services);
    expect(await cancel(bed)).toMatchObject({ status: 'cancelled', reason: 'changed_my_mind' });
    expect(services.stock.get('o1')).toBe('returned');
    expect(services.money.get('o1')).toBe('refunded');
    expect(services.delivery.get('o1')).toBe('cancelled');
    const { story, confirmedAt } = await orderOf(bed);
    expect(confirmedAt).toBeDefined();
    expect(story.steps.slice(-3).map(({ step }) => step)).toEqual([
      'cancel_delivery',
      'refund',
      'return',
    ]);
    expect(bed.published(OrderConfirmed)).toHaveLength(1);
    expect(bed.published(OrderCancelled)).toHaveLength(1);
    expect(bed.published(OrderStatusUpdated).at(-1)).toEqual({
      orderId: 'o1',
      userId: 'ann',
      status: 'cancelled',
      previousStatus: 'confirmed',
    });
  });

  it('is refused once the parcel is delivered', async () => {
    const services = new FakeServices();
    const bed = await confirmed(services);
    services.delivery.set('o1', 'delivered');
    await expect(cancel(bed)).rejects.toMatchObject({
      code: Code.FAILED_PRECONDITION,
      details: { reason: 'delivered' },
    });
    expect(await orderOf(bed)).toMatchObject({ status: 'confirmed' });
    expect(services.isSold()).toBe(true);
    expect(bed.callCount('payment', 'refund')).toBe(0);
    // the same command is answered from its stored refusal, a new one is evaluated
    await expect(cancel(bed, { id: 'cancel' })).rejects.toThrow('can no longer be cancelled');
  });

  // after the list, order.created, three steps and the decision; the commit; order.confirmed
  it.each([6, 7, 8])(
    'publishes the rest of the confirmation if its execution crashed after effect %i',
    async (effect) => {
      const services = new FakeServices();
      const bed = await bedWith(pendingOrder(), services);
      bed.injectFaults({ crashAfterEffect: effect });
      await expect(fulfil(bed)).rejects.toThrow('killed');
      bed.restart();
      expect(await orderOf(bed)).toMatchObject({ status: 'confirmed' });
      await cancel(bed);
      expect(await fulfil(bed)).toBe('SUCCESS');
      expect(services.stock.get('o1')).toBe('returned');
      expect(bed.published(OrderConfirmed)).toHaveLength(1);
      expect(bed.published(OrderCancelled)).toHaveLength(1);
      expect(bed.published(OrderStatusUpdated).map(({ status }) => status)).toEqual([
        'confirmed',
        'cancelled',
      ]);
      const logged = (await orderOf(bed)).story.events.map(({ type }) => type);
      expect(logged.filter((type) => type === 'order.confirmed')).toHaveLength(1);
    },
  );

  it('ends the same wherever the process crashes', async () => {
    await expectCrashSafe(confirmed, cancel);
  });
});

describe('cancelling an order', () => {
  it('that is cancelled returns it unchanged', async () => {
    const bed = await bedWith(pendingOrder());
    await cancel(bed);
    const events = bed.memory.events.length;
    const again = await cancel(bed, { id: 'again' }, 'another_reason');
    expect(again).toMatchObject({ status: 'cancelled', reason: 'changed_my_mind' });
    expect(bed.memory.events).toHaveLength(events);
  });

  it('that is being cancelled returns it unchanged', async () => {
    const bed = await bedWith({ ...pendingOrder(), status: 'cancelling', reason: 'out_of_stock' });
    expect(await cancel(bed)).toMatchObject({ status: 'cancelling', reason: 'out_of_stock' });
    expect(bed.memory.events).toEqual([]);
  });

  it('returns the pending order if the caller does not wait', async () => {
    const bed = await bedWith(pendingOrder());
    expect(await cancel(bed, { respondAsync: true })).toMatchObject({ status: 'pending' });
    await bed.settle();
    expect(await orderOf(bed)).toMatchObject({ status: 'cancelled' });
  });

  it('has a default reason', async () => {
    const bed = await bedWith(pendingOrder());
    const order = await bed.call('cancelOrder', { orderId: 'o1' }, { caller: ann });
    expect(order.reason).toBe('cancelled_by_customer');
  });

  it.each([
    ['orderId', { orderId: 'o/1' }],
    ['orderId', {}],
    ['reason', { orderId: 'o1', reason: 'I moved to 12 High Street' }],
    ['reason', { orderId: 'o1', reason: 'x' }],
  ])('names an invalid %s', async (field, request) => {
    const bed = await bedWith(pendingOrder());
    await expect(bed.call('cancelOrder', request, { caller: ann })).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: { fields: [{ field }] },
    });
  });

  const bob: Caller = { userId: 'bob', role: 'customer', tenantId: 'default' };
  it.each([
    ['another user', bob],
    ['a user of another tenant', { ...ann, tenantId: 'elsewhere' }],
    ['a seller', { ...bob, role: 'seller' as const }],
    ['an anonymous caller', { ...ann, userId: '', role: 'anonymous' as const }],
  ])('throws NOT_FOUND for %s', async (_, caller) => {
    const bed = await bedWith(pendingOrder());
    await expect(cancel(bed, { caller })).rejects.toMatchObject({ code: Code.NOT_FOUND });
    expect(bed.published(CancelOrder)).toEqual([]);
  });

  it('is refused to a service', async () => {
    const bed = await bedWith(pendingOrder());
    const caller: Caller = { ...bob, userId: '', role: 'service' };
    await expect(cancel(bed, { caller })).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
    expect(bed.published(CancelOrder)).toEqual([]);
  });

  it('is allowed for an admin', async () => {
    const bed = await bedWith(pendingOrder());
    const caller: Caller = { ...bob, role: 'admin' };
    expect(await cancel(bed, { caller })).toMatchObject({ status: 'cancelled' });
  });
});
