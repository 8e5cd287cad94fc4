import { describe, expect, it } from '@jest/globals';
import { AdjustStock, LowStockAlert, StockUpdated } from '#contracts/inventory';
import type { Caller, Role } from '#kit/core/caller';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { Code, unavailable } from '#kit/core/errors';
import { testbed } from '#kit/testing/testbed';
import { inventory } from './service';
import { UNKNOWN, byAdmin, shopSellers } from './testing';

const stockId = { shopId: 'shop_1', productId: 'pen' };
const delivery = { ...stockId, change: 10, reason: 'Delivery on Monday' };
const command = { ...delivery, adjustmentId: 'a1' };
const as = (role: Role, tenantId = 'default', userId = 'u1'): { caller: Caller } => ({
  caller: { userId, role, tenantId },
});
const stocked = async () => {
  const bed = testbed(inventory, { calls: shopSellers() });
  await bed.call('adjustStock', delivery, { id: 'first', ...byAdmin });
  return bed;
};

describe('adjustStock', () => {
  it.each(['seller', 'admin'] as const)('adds pieces for a %s', async (role) => {
    const bed = testbed(inventory, { calls: shopSellers() });
    const stock = await bed.call('adjustStock', { ...delivery, minimumStock: 2 }, as(role));
    expect(bed.callCount('shop', 'mayManage')).toBe(1);
    expect(stock).toMatchObject({ ...stockId, available: 10, reserved: 0, minimumStock: 2 });
    expect(bed.published(StockUpdated)).toEqual([
      { ...stockId, newStock: 10, previousStock: 0, change: 10, reason: 'Delivery on Monday' },
    ]);
  });

  it.each(['anonymous', 'customer', 'service'] as const)(
    'is refused for the role %s',
    async (role) => {
      const bed = testbed(inventory, { calls: shopSellers() });
      await expect(bed.call('adjustStock', delivery, as(role))).rejects.toMatchObject({
        code: Code.PERMISSION_DENIED,
      });
    },
  );

  it('is refused for a seller of another shop, without a command', async () => {
    const bed = testbed(inventory, { calls: shopSellers() });
    for (const change of [10, -10]) {
      const call = bed.call(
        'adjustStock',
        { ...delivery, change },
        as('seller', 'default', 'another'),
      );
      await expect(call).rejects.toMatchObject({
        code: Code.PERMISSION_DENIED,
        message: 'the shop belongs to another seller',
      });
    }
    expect(bed.memory.events).toEqual([]);
  });

  it('needs the shop service for a seller, and for the first pieces of a stock', async () => {
    const { memory } = await stocked();
    const shop = {
      mayManage: () => {
        throw unavailable('shop is unavailable');
      },
    };
    const bed = testbed(inventory, { memory, calls: { shop } });
    const more = { ...delivery, change: 5 };
    const another = { ...more, productId: 'ink' };
    for (const call of [
      bed.call('adjustStock', more, as('seller')),
      bed.call('adjustStock', another, as('admin')),
    ]) {
      await expect(call).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    }
    expect((await bed.call('adjustStock', more, as('admin'))).available).toBe(15);
  });

  it.each([
    ['shop_not_found', { shopId: UNKNOWN }],
    ['product_not_found', { productId: UNKNOWN }],
  ])('is refused with %s, without a command', async (reason, part) => {
    const bed = testbed(inventory, { calls: shopSellers() });
    for (const role of ['admin', 'seller'] as const) {
      const call = bed.call('adjustStock', { ...delivery, ...part }, as(role));
      await expect(call).rejects.toMatchObject({ code: Code.NOT_FOUND, details: { reason } });
    }
    expect(bed.memory.events).toEqual([]);
    expect(bed.memory.documents.size).toBe(0);
  });

  it('adds once for a request, however often it is repeated', async () => {
    const bed = await stocked();
    const again = await bed.call('adjustStock', delivery, { id: 'first', ...byAdmin });
    expect(again.available).toBe(10);
    expect(bed.published(StockUpdated)).toHaveLength(1);
  });

  it('succeeds again for a repeated request, even if less is left than it took', async () => {
    const bed = await stocked();
    const taken = { ...stockId, change: -10, reason: 'Broken' };
    await bed.call('adjustStock', taken, { id: 'second', ...byAdmin });
    expect((await bed.call('adjustStock', taken, { id: 'second', ...byAdmin })).available).toBe(0);
  });

  it('refuses to remove more than is available, without a command', async () => {
    const bed = await stocked();
    const before = bed.memory.events.length;
    const taken = { ...stockId, change: -11, reason: 'Broken' };
    await expect(bed.call('adjustStock', taken, byAdmin)).rejects.toMatchObject({
      code: Code.FAILED_PRECONDITION,
      details: { reason: 'insufficient_stock' },
    });
    expect(bed.memory.events).toHaveLength(before);
  });

  it('never goes below zero when several requests race', async () => {
    const bed = await stocked();
    const taken = { ...stockId, change: -4, reason: 'Broken' };
    const ends = await Promise.allSettled(
      ['a', 'b', 'c', 'd'].map((id) => bed.call('adjustStock', taken, { id, ...byAdmin })),
    );
    const refusals = ends.filter(({ status }) => status === 'rejected');
    expect(refusals).toHaveLength(2);
    expect(refusals[0]).toMatchObject({ reason: { details: { reason: 'insufficient_stock' } } });
    expect((await bed.call('getStock', stockId)).available).toBe(2);
  });

  it('returns the current stock if the caller does not wait', async () => {
    const bed = testbed(inventory, { calls: shopSellers() });
    const stock = await bed.call('adjustStock', delivery, { respondAsync: true, ...byAdmin });
    expect(stock).toMatchObject({ ...stockId, minimumStock: 0 });
    await bed.settle();
    expect((await bed.call('getStock', stockId)).available).toBe(10);
  });

  it.each([
    ['shopId', { ...delivery, shopId: '' }],
    ['productId', { ...delivery, productId: 'a:b' }],
    ['change', { ...delivery, change: 0 }],
    ['change', { ...delivery, change: 1_000_001 }],
    ['change', { ...delivery, change: -1_000_001 }],
    ['reason', { ...delivery, reason: ' ' }],
    ['minimumStock', { ...delivery, minimumStock: -1 }],
  ])('names an invalid %s', async (field, request) => {
    const bed = testbed(inventory, { calls: shopSellers() });
    await expect(bed.call('adjustStock', request, byAdmin)).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: { fields: [{ field }] },
    });
  });

  it('is crash safe', async () => {
    await expectCrashSafe(stocked, (bed) =>
      bed.call('adjustStock', { ...delivery, minimumStock: 30 }, { id: 'c1', ...byAdmin }),
    );
  });

  it('is crash safe for a seller', async () => {
    await expectCrashSafe(
      () => Promise.resolve(testbed(inventory, { calls: shopSellers() })),
      (bed) => bed.call('adjustStock', delivery, { id: 'c1', ...as('seller') }),
    );
  });
});

describe('the command AdjustStock', () => {
  it('is applied once, and a redelivery publishes the same event', async () => {
    const bed = testbed(inventory, { calls: shopSellers() });
    for (let deliveries = 0; deliveries < 2; deliveries++) {
      expect(await bed.handleEvent(AdjustStock, command, { id: 'e1' })).toBe('SUCCESS');
    }
    const ids = bed.memory.events.map(({ id }) => id);
    expect(ids).toEqual([ids[0], ids[0]]);
    expect((await bed.call('getStock', stockId)).available).toBe(10);
  });

  it('is deduplicated by its adjustmentId, also in another event', async () => {
    const bed = testbed(inventory, { calls: shopSellers() });
    await bed.handleEvent(AdjustStock, command);
    await bed.handleEvent(AdjustStock, command);
    expect((await bed.call('getStock', stockId)).available).toBe(10);
  });

  it('is acknowledged, not retried, if there are too few pieces', async () => {
    const bed = await stocked();
    const taken = { ...command, change: -11 };
    expect(await bed.handleEvent(AdjustStock, taken)).toBe('SUCCESS');
    expect((await bed.call('getStock', stockId)).available).toBe(10);
  });

  it('alerts when the stock falls to its minimum', async () => {
    const bed = await stocked();
    await bed.handleEvent(AdjustStock, { ...command, change: -5, minimumStock: 5 });
    expect(bed.published(LowStockAlert)).toEqual([
      { ...stockId, currentStock: 5, minimumStock: 5 },
    ]);
  });

  it('is crash safe', async () => {
    const low = { ...command, change: -5, minimumStock: 5 };
    await expectCrashSafe(stocked, (bed) => bed.handleEvent(AdjustStock, low, { id: 'e1' }));
  });

  it('is redelivered if its event could not be published', async () => {
    const bed = await stocked();
    bed.sidecar.onPublish = () => {
      throw unavailable('the bus is unavailable');
    };
    expect(await bed.handleEvent(AdjustStock, command, { id: 'e1' })).toBe('PARKED');
    bed.restart();
    expect(await bed.handleEvent(AdjustStock, command, { id: 'e1' })).toBe('SUCCESS');
    expect((await bed.call('getStock', stockId)).available).toBe(20);
    expect(bed.published(StockUpdated)).toHaveLength(2);
  });
});

describe('getStock', () => {
  it('returns the available pieces to any caller', async () => {
    const bed = await stocked();
    expect(await bed.call('getStock', stockId, as('anonymous'))).toMatchObject({ available: 10 });
  });

  it('throws NOT_FOUND for a product that was never added, and for another tenant', async () => {
    const bed = await stocked();
    const order = { orderId: 'o1', shopId: 'shop_1', items: [{ productId: 'ink', quantity: 1 }] };
    await bed.call('reserve', order);
    for (const lookup of [
      bed.call('getStock', { ...stockId, productId: 'ink' }),
      bed.call('getStock', { ...stockId, productId: 'nib' }),
      bed.call('getStock', stockId, as('admin', 'another')),
    ]) {
      await expect(lookup).rejects.toMatchObject({ code: Code.NOT_FOUND });
    }
  });

  it.each(['shopId', 'productId'])('names an invalid %s', async (field) => {
    const request = { ...stockId, [field]: 'a b' };
    await expect(
      testbed(inventory, { calls: shopSellers() }).call('getStock', request),
    ).rejects.toMatchObject({
      details: { fields: [{ field }] },
    });
  });
});
