import { describe, expect, it } from '@jest/globals';
import { ReserveOutcome } from '#proto/retail/inventory/v1/inventory_pb';
import {
  InventoryReleased,
  InventoryReserved,
  LowStockAlert,
  StockUpdated,
} from '#contracts/inventory';
import { REMEMBERED } from './domain';
import { holders } from './reservations';
import { type Bed, asked, shopWith, stockOf } from './testing';

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
    expect(holders(reservations)).toHaveLength(10);
  });

  it('get no more of several products than there is of the scarcest', async () => {
    const bed = await shopWith({ ink: 20, nib: 10, pen: 30 });
    expect(await rush(bed, { pen: 1, nib: 1, ink: 1 })).toHaveLength(10);
    expect(await stockOf(bed, 'ink')).toMatchObject({ available: 10, reserved: 10 });
    expect(await stockOf(bed, 'nib')).toMatchObject({ available: 0, reserved: 10 });
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 20, reserved: 10 });
    expect(bed.published(InventoryReserved)).toHaveLength(10);
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
    const stocks = bed
      .published(StockUpdated)
      .sort((left, right) => right.newStock - left.newStock);
    expect(stocks.map(({ newStock }) => newStock)).toEqual([10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    expect(bed.published(LowStockAlert)).toHaveLength(1);
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
    expect(bed.published(InventoryReserved)).toHaveLength(REMEMBERED + 1);
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
    expect(bed.published(InventoryReleased)).toHaveLength(1);
  });
});

it('says what was held and taken back as two events, though the stock has forgotten the first', async () => {
  const bed = await shopWith({ ink: 1, pen: 1 });
  const act = () => bed.call('reserve', asked('o1', { ink: 1, pen: 2 }), { id: 'reserve' });
  // it holds the ink and says so
  bed.injectFaults({ crashAfterEffect: 2 });
  await expect(act()).rejects.toThrow('killed');
  bed.restart();
  for (const [key, { json }] of bed.memory.documents) {
    if (!key.startsWith('stocks:')) continue;
    // a document as the kit keeps it
    bed.memory.write(key, { ...(JSON.parse(json) as object), marks: [] });
  }
  expect(await act()).toMatchObject({ outcome: ReserveOutcome.REFUSED });
  const said = bed.published(StockUpdated).filter(({ orderId }) => orderId === 'o1');
  expect(said.map(({ change }) => change)).toEqual([-1, 1]);
});
