import { describe, expect, it } from '@jest/globals';
import { Code } from '#kit/core/errors';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { CancelOrder, OrderCancelled, PickupUpdated, UpdatePickup } from '#contracts/order';
import {
  type Bed,
  FakeServices,
  ann,
  bedWith,
  bob,
  fulfil,
  fulfilled,
  openBed,
  orderOf,
  orderRequest,
  pendingOrder,
  replicaOf,
  sally,
} from './testing';

const request = orderRequest({ channel: 'pickup' });
const HOUR_MS = 3_600_000;

const update = (bed: Bed, status: string, id = status, caller = sally) =>
  bed.call('updatePickup', { orderId: 'o1', status }, { caller, id });
const listed = async (bed: Bed) => {
  const { items } = await bed.call('listPickups', { shopId: 'shop_1' }, { caller: sally });
  return items.map(({ orderId }) => orderId);
};
const cancel = (bed: Bed, id = 'cancel') =>
  bed.call('cancelOrder', { orderId: 'o1' }, { caller: ann, id });
const expire = (bed: Bed) => bed.runJob('pickup-expiry.o1');

async function ready(services = new FakeServices()) {
  const { bed } = await fulfilled(request, services);
  await update(bed, 'ready');
  return bed;
}

describe('an order for pickup', () => {
  it('is prepared from its confirmation on, and listed for its shop', async () => {
    const { bed, order } = await fulfilled(request);
    expect(order).toMatchObject({ status: 'confirmed', pickup: { status: 'preparing' } });
    expect(await listed(bed)).toEqual(['o1']);
  });

  it('becomes ready, waits for its buyer, and is collected', async () => {
    const bed = await ready();
    const at = bed.clock.now();
    const expiresAt = new Date(at + 72 * HOUR_MS).toISOString();
    expect((await orderOf(bed)).pickup).toMatchObject({ status: 'ready', expiresAt });
    expect(bed.memory.jobs.get('pickup-expiry.o1')).toMatchObject({ dueTime: expiresAt });
    expect(await update(bed, 'collected')).toMatchObject({ pickup: { status: 'collected' } });
    expect(bed.published(PickupUpdated)).toEqual([
      { orderId: 'o1', userId: 'ann', shopId: 'shop_1', status: 'ready', expiresAt },
      { orderId: 'o1', userId: 'ann', shopId: 'shop_1', status: 'collected' },
    ]);
    expect(await listed(bed)).toEqual([]);
  });

  it.each([
    ['collected', 'illegal_transition'],
    ['preparing', undefined],
  ])('cannot become %s before it is ready', async (status, reason) => {
    const { bed } = await fulfilled(request);
    await expect(update(bed, status)).rejects.toMatchObject({
      ...(reason === undefined ? { code: Code.INVALID_ARGUMENT } : { details: { reason } }),
    });
  });

  it('is updated by an admin or a seller of its shop only', async () => {
    const { bed } = await fulfilled(request);
    await expect(update(bed, 'ready', 'x', bob)).rejects.toMatchObject({ code: Code.NOT_FOUND });
    await expect(update(bed, 'ready', 'y', ann)).rejects.toMatchObject({
      code: Code.PERMISSION_DENIED,
    });
    await expect(
      bed.call('listPickups', { shopId: 'shop_1' }, { caller: bob }),
    ).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
    await update(bed, 'ready', 'z', { userId: 'ada', role: 'admin', tenantId: 'default' });
  });

  it('is not updated if it is not for pickup, or not confirmed', async () => {
    const { bed } = await fulfilled();
    await expect(update(bed, 'ready')).rejects.toMatchObject({
      details: { reason: 'not_for_pickup' },
    });
    const pending = await bedWith(pendingOrder(request));
    await expect(update(pending, 'ready')).rejects.toMatchObject({
      details: { reason: 'not_confirmed' },
    });
  });

  it('is cancelled and refunded by its buyer until it is collected', async () => {
    const services = new FakeServices();
    const bed = await ready(services);
    expect(await cancel(bed)).toMatchObject({ status: 'cancelled' });
    expect([services.stock.get('o1'), services.money.get('o1')]).toEqual(['returned', 'refunded']);
    expect(services.delivery.size).toBe(0);
    expect(await listed(bed)).toEqual([]);
    await expect(update(bed, 'collected')).rejects.toMatchObject({
      details: { reason: 'not_confirmed' },
    });
  });

  it('cannot be cancelled once it is collected', async () => {
    const services = new FakeServices();
    const bed = await ready(services);
    await update(bed, 'collected');
    await expect(cancel(bed)).rejects.toMatchObject({
      code: Code.FAILED_PRECONDITION,
      details: { reason: 'handed_over' },
    });
    expect(services.money.get('o1')).toBe('captured');
  });

  it('expires if it is not collected in time', async () => {
    const services = new FakeServices();
    const bed = await ready(services);
    await expire(bed);
    await bed.settle();
    expect(await orderOf(bed)).toMatchObject({ status: 'cancelled', reason: 'pickup_expired' });
    expect(bed.published(OrderCancelled)).toMatchObject([{ reason: 'pickup_expired' }]);
    expect([services.stock.get('o1'), services.money.get('o1')]).toEqual(['returned', 'refunded']);
    // the job may run again
    await expire(bed);
    await bed.settle();
    expect(bed.published(OrderCancelled)).toHaveLength(1);
  });

  it('does not expire once it is collected or cancelled', async () => {
    const bed = await ready();
    await update(bed, 'collected');
    await expire(bed);
    expect(bed.published(CancelOrder)).toEqual([]);
    expect((await orderOf(bed)).status).toBe('confirmed');
  });

  it('is either collected or cancelled when both happen together', async () => {
    for (const first of ['collect', 'cancel'] as const) {
      const services = new FakeServices();
      const bed = await ready(services);
      const other = replicaOf(bed, services);
      const both =
        first === 'collect'
          ? [update(bed, 'collected'), cancel(other)]
          : [cancel(other), update(bed, 'collected')];
      const results = await Promise.allSettled(both);
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      const { status, pickup } = await orderOf(bed);
      const isCollected = pickup?.status === 'collected';
      expect(status).toBe(isCollected ? 'confirmed' : 'cancelled');
      expect(services.money.get('o1')).toBe(isCollected ? 'captured' : 'refunded');
    }
  });

  it('is crash safe: when it is placed, ready, collected, and expires', async () => {
    await expectCrashSafe(() => bedWith(pendingOrder(request)), fulfil);
    const confirmed = async () => (await fulfilled(request)).bed;
    const handle = (status: 'ready' | 'collected') => (bed: Bed) =>
      bed.handleEvent(UpdatePickup, { orderId: 'o1', status }, { id: status });
    await expectCrashSafe(confirmed, handle('ready'));
    await expectCrashSafe(() => ready(), handle('collected'));
    await expectCrashSafe(
      () => ready(),
      async (bed) => {
        await expire(bed);
        await bed.settle();
      },
    );
  });
});

describe('an order at a counter or a machine', () => {
  it.each(['store', 'vending'] as const)(
    'is handed over when it is confirmed: %s',
    async (channel) => {
      const services = new FakeServices();
      const { bed, order } = await fulfilled(orderRequest({ channel }), services);
      expect(order.pickup).toBeUndefined();
      await expect(cancel(bed)).rejects.toMatchObject({ details: { reason: 'handed_over' } });
      expect(services.money.get('o1')).toBe('captured');
    },
  );

  it.each(['store', 'vending', 'pickup'] as const)(
    'with an unknown payment is cancelled without a delivery: %s',
    async (channel) => {
      const services = new FakeServices();
      const { order } = await fulfilled(orderRequest({ channel, token: 'tok_timeout' }), services);
      expect(order).toMatchObject({ status: 'cancelled', reason: 'payment_unknown' });
      expect(order.undo).toEqual(['void', 'release']);
      expect(services.delivery.size).toBe(0);
    },
  );

  it('can be cancelled while it is pending', async () => {
    const services = new FakeServices();
    const bed = await bedWith(pendingOrder(orderRequest({ channel: 'store' })), services);
    expect(await cancel(bed)).toMatchObject({ status: 'cancelled' });
    expect(await fulfil(bed)).toBe('SUCCESS');
    expect(services.stock.get('o1')).toBe('released');
  });
});

it('an order that was stored before orders had channels is an online order', async () => {
  const bed = openBed(new FakeServices());
  const {
    channel: _,
    returns: __,
    pickupHoldHours: ___,
    returnDays: ____,
    ...old
  } = pendingOrder();
  bed.memory.write('orders:default:o1', { data: old, sequence: 1, correlationId: 'c', marks: [] });
  expect(await orderOf(bed)).toMatchObject({ channel: 'online', returns: [], returnDays: 14 });
  expect(await fulfil(bed)).toBe('SUCCESS');
  expect((await orderOf(bed)).deliveryId).toBeDefined();
});
