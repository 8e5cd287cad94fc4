import { describe, expect, it, test } from '@jest/globals';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { Code } from '#kit/core/errors';
import { DeviceDataReceived } from '#contracts/iot-gateway';
import { StockMissing, VendCompleted } from '#contracts/vending';
import {
  type Bed,
  AT,
  reportResult,
  bedOver,
  bedWith,
  machine,
  pendingVend,
  runVend,
  reportSale,
  slotIn,
} from '../testing/fixtures';
import { FakeServices, price, seller, failure } from '../testing/fake-services';

const vendsOf = async (bed: Bed, machineId = 'm1') =>
  (await bed.call('listVends', { machineId }, { caller: seller })).items;
const afterSale = async (
  data: Parameters<typeof reportSale>[1] = {},
  services = new FakeServices(),
) => {
  const bed = await bedWith([], services);
  if ((await reportSale(bed, data)) !== 'SUCCESS') throw new Error('not acknowledged');
  return { bed, services };
};

const none = { vendId: '' };

describe('a cash sale', () => {
  it('is a completed vend, and reduces the slot and the stock', async () => {
    const { bed, services } = await afterSale({ paidMinor: 250 });
    const [vend, ...others] = await vendsOf(bed);
    expect(others).toEqual([]);
    expect(vend).toMatchObject({
      machineId: 'm1',
      slot: 'A1',
      productId: 'tea',
      quantity: 1,
      price,
      channel: 'cash',
      status: 'completed',
    });
    expect(vend?.userId).toBeUndefined();
    expect(await slotIn(bed)).toEqual({ quantity: 2, claimed: 0, fault: undefined });
    expect(services.pieces.get('tea')).toBe(9);
    expect(bed.published(VendCompleted)).toEqual([
      {
        vendId: vend?.vendId,
        machineId: 'm1',
        shopId: 'shop_1',
        slot: 'A1',
        productId: 'tea',
        quantity: 1,
        channel: 'cash',
        price,
      },
    ]);
    expect(bed.published(StockMissing)).toEqual([]);
    expect(bed.memory.calls.map(({ appId }) => appId)).not.toContain('payment');
  });

  it('is one vend, however often and in however many messages it is reported', async () => {
    const { bed, services } = await afterSale();
    for (const id of ['sale 1', 'sale 2', 'sale 3']) await reportSale(bed, {}, id);
    expect(await vendsOf(bed)).toHaveLength(1);
    expect(await slotIn(bed)).toMatchObject({ quantity: 2 });
    expect(services.pieces.get('tea')).toBe(9);
    expect(bed.published(VendCompleted)).toHaveLength(1);
  });

  it('is another vend if it has another sale id', async () => {
    const { bed, services } = await afterSale();
    await reportSale(bed, { saleId: 's2', quantity: 2 }, 'sale 2');
    expect((await vendsOf(bed)).map(({ quantity }) => quantity)).toEqual([2, 1]);
    expect(await slotIn(bed)).toMatchObject({ quantity: 0 });
    expect(services.pieces.get('tea')).toBe(7);
  });

  test.each([
    ['the amount that the machine counted', { paidMinor: 500, quantity: 2 }, '5.00'],
    ['the price of the shop', { quantity: 2 }, '5.00'],
    ['the price of its slot', { slot: 'B2', productId: 'gum' }, '1.20'],
    ['an amount of zero', { paidMinor: 0 }, '0.00'],
  ])('is recorded with %s', async (_, data, amount) => {
    const { bed } = await afterSale(data);
    expect(await vendsOf(bed)).toMatchObject([{ price: { amount, currency: 'EUR' } }]);
  });

  it('is recorded without a price if the price is unknown', async () => {
    const { bed } = await afterSale({ productId: 'unknown' });
    const [vend] = await vendsOf(bed);
    expect(vend).toMatchObject({ status: 'completed', productId: 'unknown' });
    expect(vend?.price).toBeUndefined();
  });

  it('is not visible to customers', async () => {
    const { bed } = await afterSale();
    const [{ vendId } = none] = await vendsOf(bed);
    const caller = { userId: '', role: 'customer', tenantId: 'default' } as const;
    await expect(bed.call('getVend', { vendId }, { caller })).rejects.toMatchObject({
      code: Code.NOT_FOUND,
    });
    expect(await bed.call('getVend', { vendId }, { caller: seller })).toMatchObject({ vendId });
  });
});

describe('a cash sale of pieces that are not in the recorded stock', () => {
  it('is completed, and published as missing in the stock', async () => {
    const services = new FakeServices();
    services.pieces.set('tea', 0);
    const { bed } = await afterSale({}, services);
    const [{ vendId } = none] = await vendsOf(bed);
    expect(await vendsOf(bed)).toMatchObject([{ status: 'completed' }]);
    expect(bed.published(StockMissing)).toEqual([
      {
        vendId,
        machineId: 'm1',
        shopId: 'shop_1',
        slot: 'A1',
        productId: 'tea',
        quantity: 1,
        missingInSlot: 0,
        missingInStock: 1,
      },
    ]);
    expect(await slotIn(bed)).toMatchObject({ quantity: 2 });
  });

  it('is published as missing in the slot', async () => {
    const bed = await bedWith([], new FakeServices(), machine(1));
    await reportSale(bed, { quantity: 3 });
    expect(bed.published(StockMissing)).toMatchObject([{ missingInSlot: 2, missingInStock: 0 }]);
    expect(await slotIn(bed)).toMatchObject({ quantity: 0 });
  });

  it.each([
    ['has another product', { productId: 'gum' }],
    ['no planogram has', { slot: 'Z9' }],
  ])('is published as missing in a slot that %s', async (_, data) => {
    const { bed } = await afterSale(data);
    expect(bed.published(StockMissing)).toMatchObject([{ missingInSlot: 1, missingInStock: 0 }]);
    expect(await slotIn(bed)).toMatchObject({ quantity: 3 });
  });

  it('may take a piece that another vend has claimed: that vend still completes', async () => {
    const bed = await bedWith([pendingVend()], new FakeServices(), machine(1));
    await runVend(bed);
    await reportSale(bed);
    expect(await slotIn(bed)).toEqual({ quantity: 0, claimed: 1, fault: undefined });
    await reportResult(bed, 'acknowledged');
    expect(await slotIn(bed)).toEqual({ quantity: 0, claimed: 0, fault: undefined });
    expect(bed.published(StockMissing)).toMatchObject([{ vendId: 'v1', missingInSlot: 1 }]);
  });
});

it('a cash sale of a machine without a planogram reduces the stock of its shop', async () => {
  const services = new FakeServices();
  const bed = bedOver(services);
  await reportSale(bed, { paidMinor: 200 });
  expect(await vendsOf(bed)).toMatchObject([
    { status: 'completed', price: { amount: '2.00', currency: 'EUR' } },
  ]);
  expect(services.pieces.get('tea')).toBe(9);
  expect(bed.published(StockMissing)).toEqual([]);
});

it('a cash sale is settled later if inventory is unavailable', async () => {
  const services = new FakeServices();
  services.failNext('reserve', failure(Code.UNAVAILABLE));
  const { bed } = await afterSale({}, services);
  const [vend] = await vendsOf(bed);
  expect(vend).toMatchObject({ status: 'settling' });
  await bed.runJob(`settle.${vend?.vendId}.1`);
  expect(await vendsOf(bed)).toMatchObject([{ status: 'completed' }]);
  expect(await slotIn(bed)).toMatchObject({ quantity: 2 });
});

it('data that is not about a machine, such as a sale without a slot, has no effect', async () => {
  const bed = await bedWith([]);
  const device = { deviceId: 'm1', shopId: 'shop_1', position: { boot: 'b1', seq: 1, at: AT } };
  const data = { saleId: 's1', productId: 'tea', quantity: 1 };
  await bed.handleEvent(DeviceDataReceived, { ...device, dataType: 'sale', data });
  await bed.handleEvent(DeviceDataReceived, {
    ...device,
    dataType: 'telemetry',
    data: { celsius: 4 },
  });
  const count = { mode: 'count', productId: 'tea', pieces: 3 } as const;
  await bed.handleEvent(DeviceDataReceived, { ...device, dataType: 'stock', data: count });
  expect(bed.sidecar.effects).toBe(0);
});

describe('a cash sale is crash safe', () => {
  it.each([
    ['with enough stock', {}, 10],
    ['with an empty stock', {}, 0],
    ['with too few pieces in the slot', { quantity: 5 }, 10],
  ])('%s', async (_, data, pieces) => {
    await expectCrashSafe(
      () => {
        const services = new FakeServices();
        services.pieces.set('tea', pieces);
        return bedWith([], services);
      },
      (bed) => reportSale(bed, data),
    );
  });

  it('when a job continues it', async () => {
    const build = async () => {
      const services = new FakeServices();
      const bed = await bedWith([], services);
      services.failNext('commit', failure(Code.DEADLINE_EXCEEDED));
      await reportSale(bed);
      return bed;
    };
    await expectCrashSafe(build, (bed) => bed.runJob([...bed.memory.jobs.keys()][0] ?? ''));
  });
});
