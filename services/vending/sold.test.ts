import { describe, expect, it, test } from '@jest/globals';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { Code } from '#kit/core/errors';
import { DeviceDataReceived } from '#contracts/iot-gateway';
import { StockMissing, VendCompleted } from '#contracts/vending';
import {
  type Bed,
  AT,
  answer,
  bedIn,
  bedWith,
  machine,
  pending,
  place,
  sale,
  slotIn,
} from './testing';
import { World, price, seller, silent } from './testing-world';

const vendsOf = async (bed: Bed, machineId = 'm1') =>
  (await bed.call('listVends', { machineId }, { caller: seller })).items;
const sold = async (data: Parameters<typeof sale>[1] = {}, world = new World()) => {
  const bed = await bedWith([], world);
  if ((await sale(bed, data)) !== 'SUCCESS') throw new Error('not acknowledged');
  return { bed, world };
};

const nobody = { vendId: '' };

describe('what a machine sells for cash', () => {
  it('is a vend, gone from its slot and the stock', async () => {
    const { bed, world } = await sold({ paidMinor: 250 });
    const [vend, ...others] = await vendsOf(bed);
    expect(others).toEqual([]);
    expect(vend).toMatchObject({
      ...{ machineId: 'm1', slot: 'A1', productId: 'tea', quantity: 1, price },
      ...{ channel: 'cash', status: 'completed' },
    });
    expect(vend?.userId).toBeUndefined();
    expect(await slotIn(bed)).toEqual({ quantity: 2, claimed: 0, fault: undefined });
    expect(world.pieces.get('tea')).toBe(9);
    expect(bed.published(VendCompleted)).toEqual([
      {
        ...{ vendId: vend?.vendId, machineId: 'm1', shopId: 'shop_1', slot: 'A1' },
        ...{ productId: 'tea', quantity: 1, channel: 'cash', price },
      },
    ]);
    expect(bed.published(StockMissing)).toEqual([]);
    expect(bed.memory.calls.map(({ appId }) => appId)).not.toContain('payment');
  });

  it('is one vend, however often it is told, and in whichever message', async () => {
    const { bed, world } = await sold();
    for (const id of ['sale 1', 'sale 2', 'sale 3']) await sale(bed, {}, id);
    expect(await vendsOf(bed)).toHaveLength(1);
    expect(await slotIn(bed)).toMatchObject({ quantity: 2 });
    expect(world.pieces.get('tea')).toBe(9);
    expect(bed.published(VendCompleted)).toHaveLength(1);
  });

  it('is another vend where it is another sale', async () => {
    const { bed, world } = await sold();
    await sale(bed, { saleId: 's2', quantity: 2 }, 'sale 2');
    expect((await vendsOf(bed)).map(({ quantity }) => quantity)).toEqual([2, 1]);
    expect(await slotIn(bed)).toMatchObject({ quantity: 0 });
    expect(world.pieces.get('tea')).toBe(7);
  });

  test.each([
    ['as the machine counted it', { paidMinor: 500, quantity: 2 }, '5.00'],
    ['at the price of the shop', { quantity: 2 }, '5.00'],
    ['at the price of its slot', { slot: 'B2', productId: 'gum' }, '1.20'],
    ['for nothing', { paidMinor: 0 }, '0.00'],
  ])('is paid %s', async (_, data, amount) => {
    const { bed } = await sold(data);
    expect(await vendsOf(bed)).toMatchObject([{ price: { amount, currency: 'EUR' } }]);
  });

  it('of which nobody knows the price is not lost', async () => {
    const { bed } = await sold({ productId: 'unknown' });
    const [vend] = await vendsOf(bed);
    expect(vend).toMatchObject({ status: 'completed', productId: 'unknown' });
    expect(vend?.price).toBeUndefined();
  });

  it('is shown to no customer', async () => {
    const { bed } = await sold();
    const [{ vendId } = nobody] = await vendsOf(bed);
    const caller = { userId: '', role: 'customer', tenantId: 'default' } as const;
    await expect(bed.call('getVend', { vendId }, { caller })).rejects.toMatchObject({
      code: Code.NOT_FOUND,
    });
    expect(await bed.call('getVend', { vendId }, { caller: seller })).toMatchObject({ vendId });
  });
});

describe('what a machine sells for cash, and was not there by the books,', () => {
  it('is sold, and told as missing in the stock', async () => {
    const world = new World();
    world.pieces.set('tea', 0);
    const { bed } = await sold({}, world);
    const [{ vendId } = nobody] = await vendsOf(bed);
    expect(await vendsOf(bed)).toMatchObject([{ status: 'completed' }]);
    expect(bed.published(StockMissing)).toEqual([
      {
        ...{ vendId, machineId: 'm1', shopId: 'shop_1', slot: 'A1', productId: 'tea' },
        ...{ quantity: 1, missingInSlot: 0, missingInStock: 1 },
      },
    ]);
    expect(await slotIn(bed)).toMatchObject({ quantity: 2 });
  });

  it('is told as missing in the slot', async () => {
    const bed = await bedWith([], new World(), machine(1));
    await sale(bed, { quantity: 3 });
    expect(bed.published(StockMissing)).toMatchObject([{ missingInSlot: 2, missingInStock: 0 }]);
    expect(await slotIn(bed)).toMatchObject({ quantity: 0 });
  });

  it.each([
    ['has another product', { productId: 'gum' }],
    ['nobody planned', { slot: 'Z9' }],
  ])('is told as missing in a slot that %s', async (_, data) => {
    const { bed } = await sold(data);
    expect(bed.published(StockMissing)).toMatchObject([{ missingInSlot: 1, missingInStock: 0 }]);
    expect(await slotIn(bed)).toMatchObject({ quantity: 3 });
  });

  it('may be what somebody else has a claim to: their vend is refused nothing that is there', async () => {
    const bed = await bedWith([pending()], new World(), machine(1));
    await place(bed);
    await sale(bed);
    expect(await slotIn(bed)).toEqual({ quantity: 0, claimed: 1, fault: undefined });
    await answer(bed, 'acknowledged');
    expect(await slotIn(bed)).toEqual({ quantity: 0, claimed: 0, fault: undefined });
    expect(bed.published(StockMissing)).toMatchObject([{ vendId: 'v1', missingInSlot: 1 }]);
  });
});

it('is booked for a machine that nobody has planned, as far as its shop knows the product', async () => {
  const world = new World();
  const bed = bedIn(world);
  await sale(bed, { paidMinor: 200 });
  expect(await vendsOf(bed)).toMatchObject([
    { status: 'completed', price: { amount: '2.00', currency: 'EUR' } },
  ]);
  expect(world.pieces.get('tea')).toBe(9);
  expect(bed.published(StockMissing)).toEqual([]);
});

it('is booked later where the stock cannot be asked', async () => {
  const world = new World();
  world.breaks('reserve', silent(Code.UNAVAILABLE));
  const { bed } = await sold({}, world);
  const [vend] = await vendsOf(bed);
  expect(vend).toMatchObject({ status: 'settling' });
  await bed.runJob(`settle.${vend?.vendId}.1`);
  expect(await vendsOf(bed)).toMatchObject([{ status: 'completed' }]);
  expect(await slotIn(bed)).toMatchObject({ quantity: 2 });
});

it('told by what is no machine, without a slot, is nothing to this service', async () => {
  const bed = await bedWith([]);
  const told = { deviceId: 'm1', shopId: 'shop_1', position: { boot: 'b1', seq: 1, at: AT } };
  const data = { saleId: 's1', productId: 'tea', quantity: 1 };
  await bed.handleEvent(DeviceDataReceived, { ...told, dataType: 'sale', data });
  await bed.handleEvent(DeviceDataReceived, {
    ...told,
    dataType: 'telemetry',
    data: { celsius: 4 },
  });
  const count = { mode: 'count', productId: 'tea', pieces: 3 } as const;
  await bed.handleEvent(DeviceDataReceived, { ...told, dataType: 'stock', data: count });
  expect(bed.sidecar.effects).toBe(0);
});

describe('a sale for cash is crash safe', () => {
  it.each([
    ['as usual', {}, 10],
    ['where the stock has none', {}, 0],
    ['where the slot has too few', { quantity: 5 }, 10],
  ])('%s', async (_, data, pieces) => {
    await expectCrashSafe(
      () => {
        const world = new World();
        world.pieces.set('tea', pieces);
        return bedWith([], world);
      },
      (bed) => sale(bed, data),
    );
  });

  it('also where a job goes on with it', async () => {
    const build = async () => {
      const world = new World();
      const bed = await bedWith([], world);
      world.breaks('commit', silent(Code.DEADLINE_EXCEEDED));
      await sale(bed);
      return bed;
    };
    await expectCrashSafe(build, (bed) => bed.runJob([...bed.memory.jobs.keys()][0] ?? ''));
  });
});
