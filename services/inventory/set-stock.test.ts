import { describe, expect, it, test } from '@jest/globals';
import { StockUpdated } from '#contracts/inventory';
import { DeviceDataReceived } from '#contracts/iot-gateway';
import type { Caller, Role } from '#kit/core/caller';
import { Code } from '#kit/core/errors';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { testbed } from '#kit/testing/testbed';
import { inventory } from './service';
import {
  UNKNOWN,
  byAdmin,
  deviceMessages,
  reserved,
  shopSellers,
  shopWith,
  stockOf,
} from './testing';

const count = { shopId: 'shop_1', productId: 'pen', pieces: 7, reason: 'Counted on Monday' };
const as = (role: Role, userId = 'u1'): { caller: Caller } => ({
  caller: { userId, role, tenantId: 'default' },
});

const withShop = () =>
  testbed(inventory, {
    calls: {
      shop: {
        mayManage: (_, { callContext }) => ({ allowed: callContext.caller.userId === 'sally' }),
      },
    },
  });

describe('setStock', () => {
  it.each([3, 20, 0])('sets the stock to the counted pieces: %i', async (pieces) => {
    const bed = await shopWith({ pen: 10 });
    const stock = await bed.call('setStock', { ...count, pieces, minimumStock: 2 }, as('admin'));
    expect(stock).toMatchObject({ available: pieces, reserved: 0, minimumStock: 2 });
    expect(bed.published(StockUpdated).at(-1)).toEqual({
      ...{ shopId: 'shop_1', productId: 'pen', reason: 'Counted on Monday' },
      ...{ previousStock: 10, newStock: pieces, change: pieces - 10 },
    });
  });

  it('creates the stock of a product that the shop did not have', async () => {
    const bed = withShop();
    await bed.call('setStock', count, as('admin'));
    await expect(bed.call('getStock', count)).resolves.toMatchObject({ available: 7 });
  });

  it('counts the reserved pieces too', async () => {
    const bed = await reserved();
    const stock = await bed.call('setStock', count, as('admin'));
    expect(stock).toMatchObject({ available: 5, reserved: 2 });
  });

  it('records the missing pieces if fewer are there than reserved', async () => {
    const bed = await reserved();
    await bed.call('setStock', { ...count, pieces: 1 }, as('admin'));
    expect(await stockOf(bed, 'pen')).toMatchObject({
      ...{ available: 0, reserved: 2, shelf: { missing: 1 } },
    });
    const stock = await bed.call('setStock', count, as('admin'));
    expect(stock).toMatchObject({ available: 5, reserved: 2 });
    expect(await stockOf(bed, 'pen')).toMatchObject({ shelf: { missing: 0 } });
  });

  it('refuses a request without pieces, and does not set 0', async () => {
    const bed = await shopWith({ pen: 10 });
    const { pieces: _, ...withoutPieces } = count;
    await expect(bed.call('setStock', withoutPieces, as('admin'))).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: { fields: [{ field: 'pieces', message: 'is missing' }] },
    });
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 10 });
  });

  it('is for admins and sellers of the shop', async () => {
    const bed = withShop();
    for (const caller of [as('admin'), as('seller', 'sally')]) {
      await expect(bed.call('setStock', count, caller)).resolves.toMatchObject({ available: 7 });
    }
    const [sam, customer] = [as('seller', 'sam'), as('customer', 'sally')];
    for (const caller of [sam, customer, as('anonymous'), as('service')]) {
      await expect(bed.call('setStock', count, caller)).rejects.toMatchObject({
        code: Code.PERMISSION_DENIED,
      });
    }
  });

  it.each([{ pieces: -1 }, { pieces: 1_000_001 }, { reason: '' }, { minimumStock: -1 }])(
    'refuses %j',
    async (part) => {
      const bed = await shopWith({ pen: 10 });
      await expect(bed.call('setStock', { ...count, ...part }, byAdmin)).rejects.toMatchObject({
        code: Code.INVALID_ARGUMENT,
      });
    },
  );

  it('happens once for a request, whatever happened in between', async () => {
    const bed = await shopWith({ pen: 10 });
    await bed.call('setStock', count, { id: 'first', ...byAdmin });
    await bed.call('adjustStock', { ...count, change: 5 }, byAdmin);
    const again = await bed.call('setStock', count, { id: 'first', ...byAdmin });
    expect(again.available).toBe(12);
  });

  it.each([
    ['shop_not_found', { shopId: UNKNOWN }],
    ['product_not_found', { productId: UNKNOWN }],
  ])('is refused with %s, and stores nothing', async (reason, part) => {
    const bed = testbed(inventory, { calls: shopSellers() });
    await expect(bed.call('setStock', { ...count, ...part }, as('admin'))).rejects.toMatchObject({
      code: Code.NOT_FOUND,
      details: { reason },
    });
    expect(bed.memory.documents.size).toBe(0);
  });

  it('happens once, crash safe', async () => {
    await expectCrashSafe(
      () => testbed(inventory, { calls: shopSellers() }),
      (bed) => bed.call('setStock', count, { id: 'first', ...byAdmin }),
    );
  });
});

describe('a stock that a device has made wrong', () => {
  const device = deviceMessages('shelf');

  it('is set by hand, and its earlier reports change nothing any more', async () => {
    const bed = await shopWith({ pen: 10 });
    for (let seq = 1; seq <= 3; seq++)
      await bed.handleEvent(DeviceDataReceived, device.delta(seq, -1_000_000));
    expect(await stockOf(bed, 'pen')).toMatchObject({
      available: 0,
      shelf: { missing: 2_999_990 },
    });
    const taken = bed.clock.now() + 1;
    bed.clock.advance(3_600_000);
    const stock = await bed.call('setStock', count, as('admin'));
    expect(stock).toMatchObject({ available: 7 });
    await bed.handleEvent(DeviceDataReceived, device.delta(4, -3, taken));
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 7, shelf: { missing: 0 } });
  });

  it('by a number that an earlier release accepted is set by hand, or by two counts that agree', async () => {
    for (const repair of ['hand', 'counts']) {
      const bed = await shopWith({ pen: 10 });
      await bed.handleEvent(DeviceDataReceived, device.delta(1, -1));
      const { stocks } = bed.context(as('service').caller);
      await stocks.update('shop_1:pen', (stock) => {
        if (stock?.shelf === undefined) throw new Error('no stock');
        const shelf = { ...stock.shelf, missing: Number.MAX_SAFE_INTEGER };
        return { ...stock, received: stock.received - stock.available, available: 0, shelf };
      });
      if (repair === 'hand') await bed.call('setStock', count, byAdmin);
      else {
        await bed.handleEvent(DeviceDataReceived, device.count(2, 7));
        await bed.handleEvent(DeviceDataReceived, device.count(3, 7));
      }
      expect(await stockOf(bed, 'pen')).toMatchObject({ available: 7, shelf: { missing: 0 } });
    }
  });

  test.each([-9_007_199_254_740_991, 9_007_199_254_740_991, 1_000_001])(
    'is not made by a delta of %i, which is a dead letter',
    async (change) => {
      const bed = await shopWith({ pen: 10 });
      await bed.handleEvent(DeviceDataReceived, device.delta(1, change));
      expect(await stockOf(bed, 'pen')).toMatchObject({ available: 10 });
      expect((await stockOf(bed, 'pen')).shelf).toBeUndefined();
    },
  );

  it('has at most 1,000,000,000 missing pieces', async () => {
    const bed = await shopWith({ pen: 1 });
    for (let seq = 1; seq <= 1_010; seq++)
      await bed.handleEvent(DeviceDataReceived, device.delta(seq, -1_000_000));
    const { shelf } = await stockOf(bed, 'pen');
    expect(shelf?.missing).toBe(999_999_999);
    await expect(bed.call('setStock', count, byAdmin)).resolves.toMatchObject({ available: 7 });
  });
});
