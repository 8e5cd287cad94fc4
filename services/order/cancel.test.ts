import { describe, expect, it } from '@jest/globals';
import type { Caller } from '#kit/core/caller';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { Code, unavailable } from '#kit/core/errors';
import type { CallOptions } from '#kit/testing/testbed';
import { CancelOrder, OrderCancelled, OrderConfirmed, OrderStatusUpdated } from '#contracts/order';
import { type Bed, World, ann, bedWith, fulfil, orderOf, pending, steps } from './testing';

const cancel = (bed: Bed, given: CallOptions = {}, reason = 'changed_my_mind') =>
  bed.call('cancelOrder', { orderId: 'o1', reason }, { caller: ann, id: 'cancel', ...given });

async function confirmed(world = new World()): Promise<Bed> {
  const bed = await bedWith(pending(), world);
  await fulfil(bed);
  bed.injectFaults({});
  return bed;
}

describe('cancelling a pending order', () => {
  it('undoes and bars whatever its fulfilment may have done', async () => {
    const world = new World();
    const bed = await bedWith(pending(), world);
    const reason = 'changed_my_mind';
    expect(await cancel(bed)).toMatchObject({ orderId: 'o1', status: 'cancelled', reason });
    expect(steps(await orderOf(bed))).toEqual([
      ...['place done', 'cancel_delivery done', 'void done', 'release done'],
    ]);
    expect(bed.published(OrderCancelled)).toEqual([
      { orderId: 'o1', userId: 'ann', shopId: 'shop_1', reason },
    ]);
    expect(bed.published(OrderStatusUpdated)).toMatchObject([{ previousStatus: 'pending' }]);
    expect(JSON.stringify(await orderOf(bed))).not.toMatch(/tok_|High Street/);
  });

  it('keeps it from being fulfilled, but not from the list of its buyer', async () => {
    const world = new World();
    const bed = await bedWith(pending(), world);
    await cancel(bed);
    expect(await fulfil(bed)).toBe('SUCCESS');
    expect(world.stock.get('o1')).toBe('released');
    expect(bed.callCount('payment', 'charge')).toBe(0);
    expect(bed.published(OrderConfirmed)).toEqual([]);
    expect(bed.published(OrderCancelled)).toHaveLength(1);
    const { items } = await bed.call('listOrders', {}, { caller: ann });
    expect(items).toMatchObject([{ orderId: 'o1', status: 'cancelled' }]);
  });

  it('is refused where its delivery is there already, and the order goes on', async () => {
    const world = new World();
    const bed = await bedWith(pending(), world);
    // all but the decision
    bed.injectFaults({ crashAfterEffect: 5 });
    await expect(fulfil(bed)).rejects.toThrow('killed');
    bed.restart();
    world.delivery.set('o1', 'delivered');
    await expect(cancel(bed)).rejects.toMatchObject({ details: { reason: 'delivered' } });
    expect(await orderOf(bed)).toMatchObject({ status: 'pending' });
    expect(await fulfil(bed)).toBe('SUCCESS');
    expect(world.sold()).toBe(true);
  });

  it('lets whoever held its items for it, and died, say so', async () => {
    const world = new World();
    const bed = await bedWith(pending(), world);
    world.faults.set('reserve', [unavailable('inventory died')]);
    expect(await fulfil(bed)).toBe('RETRY');
    await cancel(bed);
    expect(await fulfil(bed)).toBe('SUCCESS');
    const asked = bed.memory.calls.filter(({ method }) => method === 'reserve');
    expect(asked).toHaveLength(2);
    expect(asked[0]?.causeId).toBe(asked[1]?.causeId);
    expect(world.stock.get('o1')).toBe('released');
  });

  it('ends the same wherever the process dies', async () => {
    await expectCrashSafe(() => bedWith(pending()), cancel);
  });
});

describe('cancelling a confirmed order', () => {
  it('cancels its delivery, gives its money back and its goods to the shop', async () => {
    const world = new World();
    const bed = await confirmed(world);
    expect(await cancel(bed)).toMatchObject({ status: 'cancelled', reason: 'changed_my_mind' });
    expect(world.stock.get('o1')).toBe('returned');
    expect(world.money.get('o1')).toBe('refunded');
    expect(world.delivery.get('o1')).toBe('cancelled');
    const { story, confirmedAt } = await orderOf(bed);
    expect(confirmedAt).toBeDefined();
    expect(story.steps.slice(-3).map(({ step }) => step)).toEqual([
      ...['cancel_delivery', 'refund', 'return'],
    ]);
    expect(bed.published(OrderConfirmed)).toHaveLength(1);
    expect(bed.published(OrderCancelled)).toHaveLength(1);
    expect(bed.published(OrderStatusUpdated).at(-1)).toEqual({
      ...{ orderId: 'o1', userId: 'ann', status: 'cancelled', previousStatus: 'confirmed' },
    });
  });

  it('is refused once it is delivered', async () => {
    const world = new World();
    const bed = await confirmed(world);
    world.delivery.set('o1', 'delivered');
    await expect(cancel(bed)).rejects.toMatchObject({
      code: Code.FAILED_PRECONDITION,
      details: { reason: 'delivered' },
    });
    expect(await orderOf(bed)).toMatchObject({ status: 'confirmed' });
    expect(world.sold()).toBe(true);
    expect(bed.callCount('payment', 'refund')).toBe(0);
    // a later wish is looked at anew, the same one is not
    await expect(cancel(bed, { id: 'cancel' })).rejects.toThrow('can no longer be cancelled');
  });

  // after the list, the announcement, three steps and the decision; the commit; order.confirmed
  it.each([6, 7, 8])('says of its confirmation what was not said yet (%i)', async (effect) => {
    const world = new World();
    const bed = await bedWith(pending(), world);
    bed.injectFaults({ crashAfterEffect: effect });
    await expect(fulfil(bed)).rejects.toThrow('killed');
    bed.restart();
    expect(await orderOf(bed)).toMatchObject({ status: 'confirmed' });
    await cancel(bed);
    expect(await fulfil(bed)).toBe('SUCCESS');
    expect(world.stock.get('o1')).toBe('returned');
    expect(bed.published(OrderConfirmed)).toHaveLength(1);
    expect(bed.published(OrderCancelled)).toHaveLength(1);
    expect(bed.published(OrderStatusUpdated).map(({ status }) => status)).toEqual([
      ...['confirmed', 'cancelled'],
    ]);
    const told = (await orderOf(bed)).story.events.map(({ type }) => type);
    expect(told.filter((type) => type === 'order.confirmed')).toHaveLength(1);
  });

  it('ends the same wherever the process dies', async () => {
    await expectCrashSafe(confirmed, cancel);
  });
});

describe('cancelling an order', () => {
  it('that is cancelled answers it as it is', async () => {
    const bed = await bedWith(pending());
    await cancel(bed);
    const events = bed.memory.events.length;
    const again = await cancel(bed, { id: 'again' }, 'another_reason');
    expect(again).toMatchObject({ status: 'cancelled', reason: 'changed_my_mind' });
    expect(bed.memory.events).toHaveLength(events);
  });

  it('that is being cancelled answers it as it is', async () => {
    const bed = await bedWith({ ...pending(), status: 'cancelling', reason: 'out_of_stock' });
    expect(await cancel(bed)).toMatchObject({ status: 'cancelling', reason: 'out_of_stock' });
    expect(bed.memory.events).toEqual([]);
  });

  it('answers it as it was where nobody waits', async () => {
    const bed = await bedWith(pending());
    expect(await cancel(bed, { respondAsync: true })).toMatchObject({ status: 'pending' });
    await bed.settle();
    expect(await orderOf(bed)).toMatchObject({ status: 'cancelled' });
  });

  it('has a reason of its own where none is given', async () => {
    const bed = await bedWith(pending());
    const order = await bed.call('cancelOrder', { orderId: 'o1' }, { caller: ann });
    expect(order.reason).toBe('cancelled_by_customer');
  });

  it.each([
    ['orderId', { orderId: 'o/1' }],
    ['orderId', {}],
    ['reason', { orderId: 'o1', reason: 'I moved to 12 High Street' }],
    ['reason', { orderId: 'o1', reason: 'x' }],
  ])('names %s where it is wrong', async (field, request) => {
    const bed = await bedWith(pending());
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
    ['nobody', { ...ann, userId: '', role: 'anonymous' as const }],
  ])('is not found by %s', async (_, caller) => {
    const bed = await bedWith(pending());
    await expect(cancel(bed, { caller })).rejects.toMatchObject({ code: Code.NOT_FOUND });
    expect(bed.published(CancelOrder)).toEqual([]);
  });

  it('is for admins as well', async () => {
    const bed = await bedWith(pending());
    const caller: Caller = { ...bob, role: 'admin' };
    expect(await cancel(bed, { caller })).toMatchObject({ status: 'cancelled' });
  });
});
