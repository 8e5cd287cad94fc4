import { describe, expect, it } from '@jest/globals';
import { CommitOutcome, ReserveOutcome } from '#proto/retail/inventory/v1/inventory_pb';
import {
  InventoryReleased,
  InventoryReserved,
  LowStockAlert,
  StockUpdated,
} from '#contracts/inventory';
import { type Caller, asService } from '#kit/caller';
import { expectCrashSafe } from '#kit/crash-safety';
import { Code, unavailable } from '#kit/errors';
import { type Testbed, testbed } from '#kit/testbed';
import { REMEMBERED } from './domain';
import { inventory } from './service';

type Bed = Testbed<(typeof inventory)['definition']>;

async function shopWith(stocks: Record<string, number>, minimumStock = 0) {
  const bed = testbed(inventory);
  for (const [productId, change] of Object.entries(stocks)) {
    const reason = 'delivery';
    await bed.call('adjustStock', { shopId: 'shop_1', productId, change, reason, minimumStock });
  }
  return bed;
}

const stockOf = (bed: Bed, productId: string) =>
  bed.context(asService()).stocks.need(`shop_1:${productId}`);

const asked = (orderId: string, items: Record<string, number>) => ({
  orderId,
  shopId: 'shop_1',
  items: Object.entries(items).map(([productId, quantity]) => ({ productId, quantity })),
});

const order = asked('o1', { pen: 2, ink: 1 });
const shop = () => shopWith({ pen: 10, ink: 10 });
const reserved = async () => {
  const bed = await shop();
  await bed.call('reserve', order);
  return bed;
};

describe('reserve', () => {
  it('holds all items, says what is left of each, and that they are held', async () => {
    const bed = await shop();
    const answer = await bed.call('reserve', order);
    expect(answer.outcome).toBe(ReserveOutcome.RESERVED);
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 8, reserved: 2 });
    expect(await stockOf(bed, 'ink')).toMatchObject({ available: 9, reserved: 1 });
    const items = [
      { productId: 'ink', quantity: 1 },
      { productId: 'pen', quantity: 2 },
    ];
    expect(bed.said(InventoryReserved)).toEqual([{ orderId: 'o1', shopId: 'shop_1', items }]);
    const why = { shopId: 'shop_1', orderId: 'o1', reason: 'reserved' };
    expect(bed.said(StockUpdated).slice(2)).toEqual([
      { ...why, productId: 'ink', newStock: 9, previousStock: 10, change: -1 },
      { ...why, productId: 'pen', newStock: 8, previousStock: 10, change: -2 },
    ]);
  });

  it('counts items of one product together', async () => {
    const bed = await shopWith({ pen: 3 });
    const twice = { ...order, items: [2, 2].map((quantity) => ({ productId: 'pen', quantity })) };
    expect((await bed.call('reserve', twice)).outcome).toBe(ReserveOutcome.REFUSED);
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 3, reserved: 0 });
  });

  it('holds once for an order, whoever asks how often, and says it once', async () => {
    const bed = await reserved();
    expect((await bed.call('reserve', order)).outcome).toBe(ReserveOutcome.RESERVED);
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 8, reserved: 2 });
    expect(bed.said(InventoryReserved)).toHaveLength(1);
  });

  it('holds nothing where one item is short, and answers so again', async () => {
    const bed = await shopWith({ ink: 10, pen: 1 });
    const refusal = {
      outcome: ReserveOutcome.REFUSED,
      reason: 'out_of_stock',
      productId: 'pen',
    };
    expect(await bed.call('reserve', order, { id: 'c1' })).toMatchObject(refusal);
    expect(await stockOf(bed, 'ink')).toMatchObject({ available: 10, reserved: 0 });
    expect(bed.said(InventoryReserved)).toEqual([]);
    expect(bed.said(StockUpdated).map(({ change }) => change)).toEqual([10, 1, -1, 1]);

    const more = { shopId: 'shop_1', productId: 'pen', change: 10, reason: 'delivery' };
    await bed.call('adjustStock', more);
    expect(await bed.call('reserve', order, { id: 'c1' })).toMatchObject(refusal);
    expect(await bed.call('reserve', order, { id: 'c2' })).toMatchObject(refusal);
    expect(await stockOf(bed, 'ink')).toMatchObject({ available: 10, reserved: 0 });
  });

  it('refuses a product that the shop never had, also when it comes later', async () => {
    const bed = await shopWith({ ink: 10 });
    const refusal = { reason: 'unknown_product', productId: 'pen' };
    expect(await bed.call('reserve', order)).toMatchObject(refusal);
    const first = { shopId: 'shop_1', productId: 'pen', change: 10, reason: 'delivery' };
    await bed.call('adjustStock', first);
    expect(await bed.call('reserve', order)).toMatchObject(refusal);
    expect((await bed.call('reserve', { ...order, orderId: 'o2' })).outcome).toBe(
      ReserveOutcome.RESERVED,
    );
  });

  it('answers a settled order as it was', async () => {
    const bed = await reserved();
    await bed.call('commit', order);
    expect((await bed.call('reserve', order)).outcome).toBe(ReserveOutcome.RESERVED);
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 8, reserved: 0, sold: 2 });
  });

  it('comes too late after a release', async () => {
    const bed = await shop();
    await bed.call('release', order);
    const late = await bed.call('reserve', order);
    expect(late).toMatchObject({ outcome: ReserveOutcome.REFUSED, reason: 'released' });
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 10, reserved: 0 });
    expect(bed.said(InventoryReleased)).toEqual([]);
  });

  it('alerts once when what is left falls to the minimum', async () => {
    const bed = await shopWith({ pen: 10 }, 8);
    await bed.call('reserve', asked('o1', { pen: 2 }));
    await bed.call('reserve', asked('o2', { pen: 2 }));
    expect(bed.said(LowStockAlert)).toEqual([
      { shopId: 'shop_1', productId: 'pen', currentStock: 8, minimumStock: 8 },
    ]);
  });

  it('fails where the bus is not there, and ends the same when asked again', async () => {
    const bed = await shop();
    bed.sidecar.onPublish = () => {
      throw unavailable('the bus is not there');
    };
    const failed = bed.call('reserve', order, { id: 'c1' });
    await expect(failed).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    bed.restart();
    const answer = await bed.call('reserve', order, { id: 'c1' });
    expect(answer.outcome).toBe(ReserveOutcome.RESERVED);
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 8, reserved: 2 });
    expect(bed.said(StockUpdated)).toHaveLength(4);
  });

  it('keeps the stocks of tenants apart', async () => {
    const bed = await shop();
    const caller = asService('another');
    const answer = await bed.call('reserve', order, { caller });
    expect(answer).toMatchObject({ outcome: ReserveOutcome.REFUSED, reason: 'unknown_product' });
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 10 });
  });

  it('is safe against crashes, when it holds and when it refuses', async () => {
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

describe('fifty orders at once', () => {
  const customers = Array.from({ length: 50 }, (_, n) => `o${n}`);
  const rush = async (bed: Bed, items: Record<string, number>) => {
    const answers = await Promise.all(
      customers.map(async (orderId) => {
        const { outcome } = await bed.call('reserve', asked(orderId, items), { id: orderId });
        return { orderId, outcome };
      }),
    );
    return answers.filter(({ outcome }) => outcome === ReserveOutcome.RESERVED);
  };

  it('get the last ten pieces, each one, and nobody else does', async () => {
    const bed = await shopWith({ pen: 10 });
    expect(await rush(bed, { pen: 1 })).toHaveLength(10);
    const { reservations, ...stock } = await stockOf(bed, 'pen');
    expect(stock).toMatchObject({ available: 0, reserved: 10, received: 10 });
    expect(Object.keys(reservations)).toHaveLength(10);
  });

  it('get no more of several products than there is of the scarcest', async () => {
    const bed = await shopWith({ ink: 20, nib: 10, pen: 30 });
    expect(await rush(bed, { pen: 1, nib: 1, ink: 1 })).toHaveLength(10);
    expect(await stockOf(bed, 'ink')).toMatchObject({ available: 10, reserved: 10 });
    expect(await stockOf(bed, 'nib')).toMatchObject({ available: 0, reserved: 10 });
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 20, reserved: 10 });
    expect(bed.said(InventoryReserved)).toHaveLength(10);
  });

  it('get as many when each asks twice, and settle to the last piece', async () => {
    const bed = await shopWith({ pen: 10, ink: 10 });
    const [lucky] = await Promise.all([
      rush(bed, { pen: 1, ink: 1 }),
      rush(bed, { pen: 1, ink: 1 }),
    ]);
    expect(lucky).toHaveLength(10);
    await Promise.all(
      lucky.map(async ({ orderId }, index) => {
        const call = index % 2 === 0 ? 'commit' : 'release';
        await bed.call(call, asked(orderId, { pen: 1, ink: 1 }));
      }),
    );
    const counted = { available: 5, reserved: 0, sold: 5, received: 10 };
    expect(await stockOf(bed, 'pen')).toMatchObject(counted);
    expect(await stockOf(bed, 'ink')).toMatchObject(counted);
  });

  it('say stocks that follow one another without a gap', async () => {
    const bed = await shopWith({ pen: 10 });
    await rush(bed, { pen: 1 });
    const stocks = bed.said(StockUpdated).sort((left, right) => right.newStock - left.newStock);
    expect(stocks.map(({ newStock }) => newStock)).toEqual([10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    expect(bed.said(LowStockAlert)).toHaveLength(1);
  });
});

describe('a stock that changed so often that the marks of its changes are gone', () => {
  const rush = async (bed: Bed) => {
    for (let n = 0; n < REMEMBERED; n++) {
      await bed.call('reserve', asked(`rush${n}`, { pen: 1 }));
    }
  };

  it('still holds once for an order', async () => {
    const bed = await shopWith({ pen: 1000 });
    const one = asked('o1', { pen: 2 });
    await bed.call('reserve', one, { id: 'c1' });
    await rush(bed);
    expect((await bed.call('reserve', one, { id: 'c1' })).outcome).toBe(ReserveOutcome.RESERVED);
    expect(await stockOf(bed, 'pen')).toMatchObject({ reserved: REMEMBERED + 2 });
    expect(bed.said(InventoryReserved)).toHaveLength(REMEMBERED + 1);
  });

  it('still takes and gives back once', async () => {
    const bed = await shopWith({ pen: 1000 });
    const [one, two] = [asked('o1', { pen: 2 }), asked('o2', { pen: 3 })];
    await bed.call('reserve', one);
    await bed.call('reserve', two);
    await bed.call('commit', one, { id: 'c1' });
    await bed.call('release', two, { id: 'c2' });
    await rush(bed);
    await bed.call('commit', one, { id: 'c1' });
    await bed.call('release', two, { id: 'c2' });
    const counted = { reserved: REMEMBERED, sold: 2, available: 998 - REMEMBERED };
    expect(await stockOf(bed, 'pen')).toMatchObject(counted);
    expect(bed.said(InventoryReleased)).toHaveLength(1);
  });
});

describe('release', () => {
  it('gives back all that is held, and says why', async () => {
    const bed = await reserved();
    await bed.call('release', { ...order, reason: 'payment_failed' });
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 10, reserved: 0 });
    const items = [
      { productId: 'ink', quantity: 1 },
      { productId: 'pen', quantity: 2 },
    ];
    expect(bed.said(InventoryReleased)).toEqual([
      { orderId: 'o1', shopId: 'shop_1', items, reason: 'payment_failed' },
    ]);
  });

  it('gives back once, and says it once', async () => {
    const bed = await reserved();
    await bed.call('release', order);
    await bed.call('release', order);
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 10, reserved: 0 });
    expect(bed.said(InventoryReleased)).toHaveLength(1);
  });

  it('of a confirmed order brings back what was taken', async () => {
    const bed = await reserved();
    await bed.call('commit', order);
    await bed.call('release', { ...order, confirmed: true });
    const counted = { available: 10, reserved: 0, sold: 0 };
    expect(await stockOf(bed, 'pen')).toMatchObject(counted);
    const { outcome } = await bed.call('commit', order);
    expect(outcome).toBe(CommitOutcome.RELEASED);
    expect(await stockOf(bed, 'pen')).toMatchObject(counted);
  });

  it('is safe against crashes', async () => {
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
  it('takes what is held, and says nothing, as no less is to be had than before', async () => {
    const bed = await reserved();
    const before = bed.memory.events.length;
    expect((await bed.call('commit', order)).outcome).toBe(CommitOutcome.COMMITTED);
    await bed.call('commit', order);
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 8, reserved: 0, sold: 2 });
    expect(bed.memory.events).toHaveLength(before);
  });

  it('takes from what is available where nothing is held', async () => {
    const bed = await shop();
    expect((await bed.call('commit', order)).outcome).toBe(CommitOutcome.COMMITTED);
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 8, sold: 2 });
    expect(bed.said(StockUpdated).at(-1)).toMatchObject({ newStock: 8, reason: 'sold' });
  });

  it('refuses where nothing is held and too few are left', async () => {
    const bed = await shopWith({ pen: 1 });
    await expect(bed.call('commit', asked('o1', { pen: 2 }))).rejects.toMatchObject({
      code: Code.FAILED_PRECONDITION,
      details: { reason: 'not_reserved' },
    });
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 1, sold: 0 });
  });

  it('is safe against crashes', async () => {
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
  ])('names %s where it is wrong', async (field, request) => {
    await expect(testbed(inventory).call(method, request)).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: { fields: [{ field }] },
    });
  });

  it.each(['anonymous', 'customer', 'seller', 'admin'] as const)('is not for %s', async (role) => {
    const caller: Caller = { userId: 'u1', role, tenantId: 'default' };
    const bed = await shop();
    await expect(bed.call(method, order, { caller })).rejects.toMatchObject({
      code: Code.PERMISSION_DENIED,
    });
  });
});

it('names the reason of a release where it is no code', async () => {
  const request = { ...order, reason: 'Ann did not pay' };
  await expect(testbed(inventory).call('release', request)).rejects.toMatchObject({
    message: 'reason must be a code such as payment_failed',
  });
});
