import { describe, expect, test } from '@jest/globals';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { Code } from '#kit/core/errors';
import {
  admin,
  bob,
  corner,
  customer,
  elsewhere,
  type shopBed,
  sally,
  service,
  stranger,
  withDevice,
  withShop,
} from './testing';

const hall = { kind: 'vending_machine', name: 'Hall' };

async function idsIn(bed: ReturnType<typeof shopBed>, shopId?: string) {
  const request = shopId === undefined ? {} : { shopId };
  const { items, total } = await bed.call('listDevices', request, { caller: admin });
  expect(total).toBe(items.length);
  return items.map(({ deviceId }) => deviceId);
}

async function userNames(bed: ReturnType<typeof shopBed>) {
  const { items } = await bed.call('listBrokerAccounts', {}, { caller: admin });
  return items.map(({ userName }) => userName);
}

describe('a registered device', () => {
  test('is listed in its shop with an unknown status', async () => {
    const { bed, shopId } = await withShop();
    const request = { shopId, ...hall, firmwareVersion: '1.2.0' };
    const { device } = await bed.call('registerDevice', request, { caller: sally });
    expect(device).toMatchObject({ ...request, status: 'unknown' });
    expect(device?.lastSeen).toBeUndefined();
    const { deviceId = '' } = device ?? {};
    expect(await bed.call('getDevice', { deviceId }, { caller: sally })).toEqual(device);
    expect(await idsIn(bed, shopId)).toEqual([deviceId]);
    expect(await idsIn(bed)).toEqual([deviceId]);
  });

  test('can have an id of its own, which no other device gets', async () => {
    const { bed, shopId } = await withShop();
    const request = { shopId, ...hall, deviceId: 'SN-4711' };
    const { device } = await bed.call('registerDevice', request, { caller: sally });
    expect(device?.deviceId).toBe('SN-4711');
    await expect(bed.call('registerDevice', request, { caller: sally })).rejects.toMatchObject({
      code: Code.ALREADY_EXISTS,
    });
    expect(await idsIn(bed)).toEqual(['SN-4711']);
  });

  test('is the same, with the same credential, when the request is repeated under the same key', async () => {
    const { bed, shopId } = await withShop();
    const options = { caller: sally, id: 'k1', hasIdempotencyKey: true };
    const first = await bed.call('registerDevice', { shopId, ...hall }, options);
    // longer than a document keeps an inbox entry
    bed.clock.advance(3_600_000);
    const again = await bed.call('registerDevice', { shopId, ...hall }, options);
    expect(again).toEqual(first);
    expect(await idsIn(bed, shopId)).toHaveLength(1);
    const other = bed.call('registerDevice', { shopId, ...hall, name: 'Yard' }, options);
    await expect(other).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
  });

  test('has its credential in no document', async () => {
    const { bed, credential } = await withDevice();
    const stored = [...bed.memory.documents.values()].map(({ json }) => json).join('\n');
    expect(stored).not.toContain(credential);
  });

  test.each([
    ['shopId', { shopId: 'a b' }],
    ['kind', { kind: 'toaster' }],
    ['name', { name: ' ' }],
    ['name', { name: 'Hall\u0000' }],
    ['firmwareVersion', { firmwareVersion: 'v'.repeat(65) }],
    ['deviceId', { deviceId: 'a/b' }],
  ])('is refused for an invalid %s with its name', async (field, part) => {
    const { bed, shopId } = await withShop();
    const call = bed.call('registerDevice', { shopId, ...hall, ...part }, { caller: sally });
    await expect(call).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: { fields: [expect.objectContaining({ field })] },
    });
  });

  test('is refused in a shop that does not exist or belongs to another tenant', async () => {
    const { bed, shopId } = await withShop();
    for (const [id, caller] of [
      ['none', admin],
      [shopId, elsewhere(admin)],
    ] as const) {
      const call = bed.call('registerDevice', { shopId: id, ...hall }, { caller });
      await expect(call).rejects.toMatchObject({ code: Code.NOT_FOUND });
    }
  });

  test.each([stranger, customer, bob, service])(
    'cannot be registered by the $role $userId',
    async (caller) => {
      const { bed, shopId } = await withShop();
      const call = bed.call('registerDevice', { shopId, ...hall }, { caller });
      await expect(call).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
    },
  );

  test.each([{}, { deviceId: 'SN-4711' }])(
    'ends in the same state after a crash, redelivery or conflict at any point, %j',
    async (named) => {
      const { shopId } = await withShop();
      await expectCrashSafe(
        async () => (await withShop()).bed,
        (bed) =>
          bed.call('registerDevice', { shopId, ...hall, ...named }, { caller: sally, id: 'r1' }),
      );
    },
  );
});

describe('a device', () => {
  test('of another seller or another tenant is not found', async () => {
    const { bed, deviceId } = await withDevice();
    for (const caller of [bob, elsewhere(admin), elsewhere(service)]) {
      const call = bed.call('getDevice', { deviceId }, { caller });
      await expect(call).rejects.toMatchObject({ code: Code.NOT_FOUND });
    }
    const created = bed.call('updateDevice', { deviceId, name: 'Mine' }, { caller: bob });
    await expect(created).rejects.toMatchObject({ code: Code.NOT_FOUND });
    const retired = bed.call('retireDevice', { deviceId }, { caller: bob });
    await expect(retired).rejects.toMatchObject({ code: Code.NOT_FOUND });
  });

  test('is returned to the sellers of its shop, to admins and to services', async () => {
    const { bed, deviceId } = await withDevice();
    for (const caller of [sally, admin, service]) {
      const device = await bed.call('getDevice', { deviceId }, { caller });
      expect(device.deviceId).toBe(deviceId);
    }
    const call = bed.call('getDevice', { deviceId }, { caller: customer });
    await expect(call).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
  });
});

describe('the list of devices', () => {
  test('is returned in pages, newest first', async () => {
    const { bed, shopId } = await withShop();
    for (const name of ['A', 'B', 'C']) {
      await bed.call('registerDevice', { shopId, kind: 'shelf', name }, { caller: sally });
    }
    const request = { shopId, page: 2, limit: 2 };
    const { items, ...page } = await bed.call('listDevices', request, { caller: sally });
    expect(page).toMatchObject({ page: 2, limit: 2, total: 3 });
    expect(items.map(({ name }) => name)).toEqual(['A']);
  });

  test('of a shop is returned to its sellers, and of all shops to admins', async () => {
    const { bed, shopId } = await withDevice();
    const denied = bed.call('listDevices', { shopId }, { caller: bob });
    await expect(denied).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
    const all = bed.call('listDevices', {}, { caller: sally });
    await expect(all).rejects.toMatchObject({
      details: { fields: [expect.objectContaining({ field: 'shopId' })] },
    });
    const { total } = await bed.call('listDevices', {}, { caller: elsewhere(admin) });
    expect(total).toBe(0);
  });
});

describe('an updated device', () => {
  async function withTwoShops() {
    const { bed, shopId: from, deviceId } = await withDevice();
    const { shopId: to } = await bed.call('createShop', corner, { caller: sally, id: 'shop2' });
    return { bed, from, to, deviceId };
  }

  test('has a new name and firmware, and otherwise stays the same', async () => {
    const { bed, shopId, deviceId } = await withDevice();
    const request = { deviceId, name: 'Yard', firmwareVersion: '2.0' };
    const device = await bed.call('updateDevice', request, { caller: sally });
    expect(device).toMatchObject({ ...request, shopId, kind: 'vending_machine' });
  });

  test('can move to another shop', async () => {
    const { bed, from, to, deviceId } = await withTwoShops();
    await bed.call('updateDevice', { deviceId, shopId: to }, { caller: sally });
    expect(await idsIn(bed, from)).toEqual([]);
    expect(await idsIn(bed, to)).toEqual([deviceId]);
    await bed.call('updateDevice', { deviceId, shopId: from }, { caller: sally });
    expect(await idsIn(bed, from)).toEqual([deviceId]);
    expect(await idsIn(bed, to)).toEqual([]);
  });

  test('cannot move to the shop of another seller', async () => {
    const { bed, deviceId } = await withDevice();
    const { shopId } = await bed.call('createShop', corner, { caller: bob });
    const call = bed.call('updateDevice', { deviceId, shopId }, { caller: sally });
    await expect(call).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
  });

  test('is removed from the list of a delayed move that a later move replaced', async () => {
    const { bed, from, to, deviceId } = await withTwoShops();
    const move = () =>
      bed.call('updateDevice', { deviceId, shopId: to }, { caller: sally, id: 'm1' });
    // killed after it changed the device and before it changed the list of the old shop
    bed.injectFaults({ crashAfterEffect: 2 });
    await expect(move()).rejects.toThrow('killed');
    bed.restart();
    await bed.call('updateDevice', { deviceId, shopId: from }, { caller: sally });
    await move();
    expect(await idsIn(bed, to)).toEqual([]);
    expect(await idsIn(bed, from)).toEqual([deviceId]);
  });

  test('ends in the same state after a crash, redelivery or conflict at any point', async () => {
    const { to, deviceId } = await withTwoShops();
    await expectCrashSafe(
      async () => (await withTwoShops()).bed,
      (bed) =>
        bed.call('updateDevice', { deviceId, shopId: to, name: 'Y' }, { caller: sally, id: 'm1' }),
    );
  });
});

describe('a retired device', () => {
  test('stays retired, without a broker account', async () => {
    const { bed, deviceId, userName } = await withDevice();
    expect(await userNames(bed)).toEqual([userName]);
    for (let times = 0; times < 2; times++) {
      const device = await bed.call('retireDevice', { deviceId }, { caller: sally });
      expect(device.status).toBe('retired');
    }
    expect(await userNames(bed)).toEqual([]);
    expect(await idsIn(bed)).toEqual([deviceId]);
    const identity = await bed.call('identifyDevice', { deviceId }, { caller: service });
    expect(identity).toMatchObject({ retired: true, keys: [] });
    for (const request of [
      bed.call('updateDevice', { deviceId, name: 'New' }, { caller: sally }),
      bed.call('renewCredential', { deviceId }, { caller: sally }),
    ]) {
      await expect(request).rejects.toMatchObject({ details: { reason: 'retired' } });
    }
  });

  test('does not come back under the key that registered it', async () => {
    const { bed, shopId } = await withShop();
    const options = { caller: sally, id: 'k1', hasIdempotencyKey: true };
    const { device } = await bed.call('registerDevice', { shopId, ...hall }, options);
    await bed.call('retireDevice', { deviceId: device?.deviceId ?? '' }, { caller: sally });
    const again = bed.call('registerDevice', { shopId, ...hall }, options);
    await expect(again).rejects.toMatchObject({ details: { reason: 'retired' } });
    expect(await userNames(bed)).toEqual([]);
  });

  test('ends in the same state after a crash, redelivery or conflict at any point', async () => {
    const { deviceId } = await withDevice();
    await expectCrashSafe(
      async () => (await withDevice()).bed,
      (bed) => bed.call('retireDevice', { deviceId }, { caller: sally, id: 'r1' }),
    );
  });
});
