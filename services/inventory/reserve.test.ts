import { describe, expect, it } from '@jest/globals';
import { ReserveOutcome } from '#proto/retail/inventory/v1/inventory_pb';
import {
  InventoryReleased,
  InventoryReserved,
  LowStockAlert,
  StockUpdated,
} from '#contracts/inventory';
import { asService } from '#kit/core/caller';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { Code, unavailable } from '#kit/core/errors';
import { byAdmin, order, reserved, shop, shopWith, orderFor, stockOf } from './testing';

describe('reserve', () => {
  it('reserves all items, and publishes the stock of each and the reservation', async () => {
    const bed = await shop();
    const answer = await bed.call('reserve', order);
    expect(answer.outcome).toBe(ReserveOutcome.RESERVED);
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 8, reserved: 2 });
    expect(await stockOf(bed, 'ink')).toMatchObject({ available: 9, reserved: 1 });
    const items = [
      { productId: 'ink', quantity: 1 },
      { productId: 'pen', quantity: 2 },
    ];
    expect(bed.published(InventoryReserved)).toEqual([{ orderId: 'o1', shopId: 'shop_1', items }]);
    const common = { shopId: 'shop_1', orderId: 'o1', reason: 'reserved' };
    expect(bed.published(StockUpdated).slice(2)).toEqual([
      { ...common, productId: 'ink', newStock: 9, previousStock: 10, change: -1 },
      { ...common, productId: 'pen', newStock: 8, previousStock: 10, change: -2 },
    ]);
  });

  it('adds up items of one product', async () => {
    const bed = await shopWith({ pen: 3 });
    const twice = { ...order, items: [2, 2].map((quantity) => ({ productId: 'pen', quantity })) };
    expect((await bed.call('reserve', twice)).outcome).toBe(ReserveOutcome.REFUSED);
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 3, reserved: 0 });
  });

  it('reserves and publishes once for an order, however often it is requested', async () => {
    const bed = await reserved();
    expect((await bed.call('reserve', order)).outcome).toBe(ReserveOutcome.RESERVED);
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 8, reserved: 2 });
    expect(bed.published(InventoryReserved)).toHaveLength(1);
  });

  it('reserves nothing if one item is short, and refuses the order again later', async () => {
    const bed = await shopWith({ ink: 10, pen: 1 });
    const refusal = {
      outcome: ReserveOutcome.REFUSED,
      reason: 'out_of_stock',
      productId: 'pen',
    };
    expect(await bed.call('reserve', order, { id: 'c1' })).toMatchObject(refusal);
    expect(await stockOf(bed, 'ink')).toMatchObject({ available: 10, reserved: 0 });
    expect(bed.published(InventoryReserved)).toEqual([]);
    expect(bed.published(StockUpdated).map(({ change }) => change)).toEqual([10, 1, -1, 1]);

    const more = { shopId: 'shop_1', productId: 'pen', change: 10, reason: 'delivery' };
    await bed.call('adjustStock', more, byAdmin);
    expect(await bed.call('reserve', order, { id: 'c1' })).toMatchObject(refusal);
    expect(await bed.call('reserve', order, { id: 'c2' })).toMatchObject(refusal);
    expect(await stockOf(bed, 'ink')).toMatchObject({ available: 10, reserved: 0 });
  });

  it('refuses a product that the shop never had, even after it is added', async () => {
    const bed = await shopWith({ ink: 10 });
    const refusal = { reason: 'unknown_product', productId: 'pen' };
    expect(await bed.call('reserve', order)).toMatchObject(refusal);
    const first = { shopId: 'shop_1', productId: 'pen', change: 10, reason: 'delivery' };
    await bed.call('adjustStock', first, byAdmin);
    expect(await bed.call('reserve', order)).toMatchObject(refusal);
    expect((await bed.call('reserve', { ...order, orderId: 'o2' })).outcome).toBe(
      ReserveOutcome.RESERVED,
    );
  });

  it('returns the outcome of a settled order', async () => {
    const bed = await reserved();
    await bed.call('commit', order);
    expect((await bed.call('reserve', order)).outcome).toBe(ReserveOutcome.RESERVED);
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 8, reserved: 0, sold: 2 });
  });

  it('is refused after a release', async () => {
    const bed = await shop();
    await bed.call('release', order);
    const late = await bed.call('reserve', order);
    expect(late).toMatchObject({ outcome: ReserveOutcome.REFUSED, reason: 'released' });
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 10, reserved: 0 });
    expect(bed.published(InventoryReleased)).toEqual([]);
  });

  it('publishes one alert when the available pieces fall to the minimum', async () => {
    const bed = await shopWith({ pen: 10 }, 8);
    await bed.call('reserve', orderFor('o1', { pen: 2 }));
    await bed.call('reserve', orderFor('o2', { pen: 2 }));
    expect(bed.published(LowStockAlert)).toEqual([
      { shopId: 'shop_1', productId: 'pen', currentStock: 8, minimumStock: 8 },
    ]);
  });

  it('fails while the bus is unavailable, and a retry ends the same', async () => {
    const bed = await shop();
    bed.sidecar.onPublish = () => {
      throw unavailable('the bus is unavailable');
    };
    const failed = bed.call('reserve', order, { id: 'c1' });
    await expect(failed).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    bed.restart();
    const answer = await bed.call('reserve', order, { id: 'c1' });
    expect(answer.outcome).toBe(ReserveOutcome.RESERVED);
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 8, reserved: 2 });
    expect(bed.published(StockUpdated)).toHaveLength(4);
  });

  it('separates the stocks of tenants', async () => {
    const bed = await shop();
    const caller = asService('another');
    const answer = await bed.call('reserve', order, { caller });
    expect(answer).toMatchObject({ outcome: ReserveOutcome.REFUSED, reason: 'unknown_product' });
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 10 });
  });

  it('is crash safe, when it reserves and when it refuses', async () => {
    await expectCrashSafe(shop, (bed) => bed.call('reserve', order, { id: 'c1' }));
    await expectCrashSafe(
      () => shopWith({ ink: 10, pen: 1 }, 9),
      (bed) => bed.call('reserve', order, { id: 'c1' }),
    );
    await expectCrashSafe(
      () => shopWith({ ink: 10 }),
      (bed) => bed.call('reserve', order, { id: 'c1' }),
    );
  });
});
