import { describe, expect, it } from '@jest/globals';
import { CommitOutcome } from '#proto/retail/inventory/v1/inventory_pb';
import { InventoryReleased, StockUpdated } from '#contracts/inventory';
import type { Caller } from '#kit/core/caller';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { Code } from '#kit/core/errors';
import { testbed } from '#kit/testing/testbed';
import { inventory } from './service';
import { orderFor, order, reserved, shop, shopWith, stockOf } from './testing';

describe('release', () => {
  it('returns all held pieces to stock, and publishes the reason', async () => {
    const bed = await reserved();
    await bed.call('release', { ...order, reason: 'payment_failed' });
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 10, reserved: 0 });
    const items = [
      { productId: 'ink', quantity: 1 },
      { productId: 'pen', quantity: 2 },
    ];
    expect(bed.published(InventoryReleased)).toEqual([
      { orderId: 'o1', shopId: 'shop_1', items, reason: 'payment_failed' },
    ]);
  });

  it('returns and publishes pieces once', async () => {
    const bed = await reserved();
    await bed.call('release', order);
    await bed.call('release', order);
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 10, reserved: 0 });
    expect(bed.published(InventoryReleased)).toHaveLength(1);
  });

  it('is published by the next execution if the first one crashed', async () => {
    const bed = await reserved();
    const before = bed.published(StockUpdated).length;
    bed.injectFaults({ crashAfterEffect: 1 });
    await expect(bed.call('release', order, { id: 'killed' })).rejects.toThrow();
    bed.restart();
    expect(bed.published(StockUpdated)).toHaveLength(before);
    await bed.call('release', order, { id: 'another' });
    const changes = bed.published(StockUpdated).slice(before);
    expect(changes.map(({ productId, newStock }) => [productId, newStock])).toEqual([
      ['ink', 10],
      ['pen', 10],
    ]);
  });

  it('of a confirmed order returns committed pieces to stock', async () => {
    const bed = await reserved();
    await bed.call('commit', order);
    await bed.call('release', { ...order, confirmed: true });
    const counted = { available: 10, reserved: 0, sold: 0 };
    expect(await stockOf(bed, 'pen')).toMatchObject(counted);
    const { outcome } = await bed.call('commit', order);
    expect(outcome).toBe(CommitOutcome.RELEASED);
    expect(await stockOf(bed, 'pen')).toMatchObject(counted);
  });

  it('is crash safe', async () => {
    await expectCrashSafe(reserved, (bed) => bed.call('release', order, { id: 'c1' }));
    await expectCrashSafe(shop, (bed) => bed.call('release', order, { id: 'c1' }));
    const committed = async () => {
      const bed = await reserved();
      await bed.call('commit', order);
      return bed;
    };
    const confirmed = { ...order, confirmed: true };
    await expectCrashSafe(committed, (bed) => bed.call('release', confirmed, { id: 'c1' }));
  });
});

describe('commit', () => {
  it('sells held pieces, and publishes nothing because the available pieces do not change', async () => {
    const bed = await reserved();
    const before = bed.memory.events.length;
    expect((await bed.call('commit', order)).outcome).toBe(CommitOutcome.COMMITTED);
    await bed.call('commit', order);
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 8, reserved: 0, sold: 2 });
    expect(bed.memory.events).toHaveLength(before);
  });

  it('sells available pieces if the order holds none', async () => {
    const bed = await shop();
    expect((await bed.call('commit', order)).outcome).toBe(CommitOutcome.COMMITTED);
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 8, sold: 2 });
    expect(bed.published(StockUpdated).at(-1)).toMatchObject({ newStock: 8, reason: 'sold' });
  });

  it('refuses if the order holds none and too few are left', async () => {
    const bed = await shopWith({ pen: 1 });
    await expect(bed.call('commit', orderFor('o1', { pen: 2 }))).rejects.toMatchObject({
      code: Code.FAILED_PRECONDITION,
      details: { reason: 'not_reserved' },
    });
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 1, sold: 0 });
  });

  it('is crash safe', async () => {
    await expectCrashSafe(reserved, (bed) => bed.call('commit', order, { id: 'c1' }));
    await expectCrashSafe(shop, (bed) => bed.call('commit', order, { id: 'c1' }));
  });
});

describe.each(['reserve', 'release', 'commit'] as const)('%s', (method) => {
  it.each([
    ['orderId', { ...order, orderId: '' }],
    ['shopId', { ...order, shopId: 'shop/1' }],
    ['items', { ...order, items: [] }],
    ['items.0.productId', { ...order, items: [{ productId: '', quantity: 1 }] }],
    ['items.0.quantity', { ...order, items: [{ productId: 'pen', quantity: 0 }] }],
    ['items.1.quantity', { ...order, items: [order.items[0]!, { productId: 'pen' }] }],
  ])('names an invalid %s', async (field, request) => {
    await expect(testbed(inventory).call(method, request)).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: { fields: [{ field }] },
    });
  });

  it.each(['anonymous', 'customer', 'seller', 'admin'] as const)(
    'is refused for the role %s',
    async (role) => {
      const caller: Caller = { userId: 'u1', role, tenantId: 'default' };
      const bed = await shop();
      await expect(bed.call(method, order, { caller })).rejects.toMatchObject({
        code: Code.PERMISSION_DENIED,
      });
    },
  );
});

it('names the reason of a release if it is not a code', async () => {
  const request = { ...order, reason: 'Ann did not pay' };
  await expect(testbed(inventory).call('release', request)).rejects.toMatchObject({
    message: 'reason must be a code such as out_of_stock',
  });
});
