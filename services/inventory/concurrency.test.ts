import { describe, expect, it } from '@jest/globals';
import { ReserveOutcome } from '#proto/retail/inventory/v1/inventory_pb';
import {
  InventoryReleased,
  InventoryReserved,
  LowStockAlert,
  StockUpdated,
} from '#contracts/inventory';
import { HISTORY_LIMIT } from './domain';
import { listReservations } from './reservations';
import { type Bed, orderFor, shopWith, stockOf } from './testing';

describe('fifty concurrent orders', () => {
  const orderIds = Array.from({ length: 50 }, (_, n) => `o${n}`);
  const reserveFor = async (bed: Bed, items: Record<string, number>) => {
    const answers = await Promise.all(
      orderIds.map(async (orderId) => {
        const { outcome } = await bed.call('reserve', orderFor(orderId, items), { id: orderId });
        return { orderId, outcome };
      }),
    );
    return answers.filter(({ outcome }) => outcome === ReserveOutcome.RESERVED);
  };

  it('get the last ten pieces, one for each of ten orders', async () => {
    const bed = await shopWith({ pen: 10 });
    expect(await reserveFor(bed, { pen: 1 })).toHaveLength(10);
    const { reservations, ...stock } = await stockOf(bed, 'pen');
    expect(stock).toMatchObject({ available: 0, reserved: 10, received: 10 });
    expect(listReservations(reservations)).toHaveLength(10);
  });

  it('reserve several products only as often as the scarcest allows', async () => {
    const bed = await shopWith({ ink: 20, nib: 10, pen: 30 });
    expect(await reserveFor(bed, { pen: 1, nib: 1, ink: 1 })).toHaveLength(10);
    expect(await stockOf(bed, 'ink')).toMatchObject({ available: 10, reserved: 10 });
    expect(await stockOf(bed, 'nib')).toMatchObject({ available: 0, reserved: 10 });
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 20, reserved: 10 });
    expect(bed.published(InventoryReserved)).toHaveLength(10);
  });

  it('get as many if each requests twice, and all pieces add up after they are settled', async () => {
    const bed = await shopWith({ pen: 10, ink: 10 });
    const [reserved] = await Promise.all([
      reserveFor(bed, { pen: 1, ink: 1 }),
      reserveFor(bed, { pen: 1, ink: 1 }),
    ]);
    expect(reserved).toHaveLength(10);
    await Promise.all(
      reserved.map(async ({ orderId }, index) => {
        const call = index % 2 === 0 ? 'commit' : 'release';
        await bed.call(call, orderFor(orderId, { pen: 1, ink: 1 }));
      }),
    );
    const counted = { available: 5, reserved: 0, sold: 5, received: 10 };
    expect(await stockOf(bed, 'pen')).toMatchObject(counted);
    expect(await stockOf(bed, 'ink')).toMatchObject(counted);
  });

  it('publish stock levels without a gap', async () => {
    const bed = await shopWith({ pen: 10 });
    await reserveFor(bed, { pen: 1 });
    const stocks = bed
      .published(StockUpdated)
      .sort((left, right) => right.newStock - left.newStock);
    expect(stocks.map(({ newStock }) => newStock)).toEqual([10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    expect(bed.published(LowStockAlert)).toHaveLength(1);
  });
});

describe('a stock that changed so often that its inbox entries are dropped', () => {
  const reserveForMany = async (bed: Bed) => {
    for (let n = 0; n < HISTORY_LIMIT; n++) {
      await bed.call('reserve', orderFor(`other${n}`, { pen: 1 }));
    }
  };

  it('still reserves once for an order', async () => {
    const bed = await shopWith({ pen: 1000 });
    const one = orderFor('o1', { pen: 2 });
    await bed.call('reserve', one, { id: 'c1' });
    await reserveForMany(bed);
    expect((await bed.call('reserve', one, { id: 'c1' })).outcome).toBe(ReserveOutcome.RESERVED);
    expect(await stockOf(bed, 'pen')).toMatchObject({ reserved: HISTORY_LIMIT + 2 });
    expect(bed.published(InventoryReserved)).toHaveLength(HISTORY_LIMIT + 1);
  });

  it('still commits and releases once', async () => {
    const bed = await shopWith({ pen: 1000 });
    const [one, two] = [orderFor('o1', { pen: 2 }), orderFor('o2', { pen: 3 })];
    await bed.call('reserve', one);
    await bed.call('reserve', two);
    await bed.call('commit', one, { id: 'c1' });
    await bed.call('release', two, { id: 'c2' });
    await reserveForMany(bed);
    await bed.call('commit', one, { id: 'c1' });
    await bed.call('release', two, { id: 'c2' });
    const counted = { reserved: HISTORY_LIMIT, sold: 2, available: 998 - HISTORY_LIMIT };
    expect(await stockOf(bed, 'pen')).toMatchObject(counted);
    expect(bed.published(InventoryReleased)).toHaveLength(1);
  });
});

it('a hold and its release are published as two events even if the inbox entry of the hold is dropped', async () => {
  const bed = await shopWith({ ink: 1, pen: 1 });
  const act = () => bed.call('reserve', orderFor('o1', { ink: 1, pen: 2 }), { id: 'reserve' });
  // the ink is held and published, then the process crashes
  bed.injectFaults({ crashAfterEffect: 2 });
  await expect(act()).rejects.toThrow('killed');
  bed.restart();
  for (const [key, { json }] of bed.memory.documents) {
    if (!key.startsWith('stocks:')) continue;
    // a document as the kit stores it
    bed.memory.write(key, { ...(JSON.parse(json) as object), marks: [] });
  }
  expect(await act()).toMatchObject({ outcome: ReserveOutcome.REFUSED });
  const updates = bed.published(StockUpdated).filter(({ orderId }) => orderId === 'o1');
  expect(updates.map(({ change }) => change)).toEqual([-1, 1]);
});
