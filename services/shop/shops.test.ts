import { describe, expect, test } from '@jest/globals';
import type { Caller } from '#kit/core/caller';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { Code } from '#kit/core/errors';
import {
  admin,
  bob,
  corner,
  customer,
  elsewhere,
  shopBed,
  sally,
  service,
  stranger,
  withShop,
} from './testing';

describe('mayManage', () => {
  test.each([
    ['its seller', sally, true],
    ['an admin', admin, true],
    ['another seller', bob, false],
    ['a customer', customer, false],
    ['an anonymous caller', stranger, false],
    ['a customer with the id of its seller', { ...customer, userId: 'sally' }, false],
    ['its seller in another tenant', elsewhere(sally), false],
  ])('answers for %s', async (_, caller, allowed) => {
    const { bed, shopId } = await withShop();
    expect((await bed.call('mayManage', { shopId }, { caller })).allowed).toBe(allowed);
  });

  test('allows only admins to manage an unknown shop', async () => {
    const bed = shopBed();
    for (const [caller, allowed] of [
      [admin, true],
      [sally, false],
    ] as const) {
      expect((await bed.call('mayManage', { shopId: 'none' }, { caller })).allowed).toBe(allowed);
    }
  });

  test('follows a change of the sellers immediately', async () => {
    const { bed, shopId } = await withShop();
    await bed.call('updateShop', { shopId, sellerIds: ['bob'] }, { caller: admin });
    expect((await bed.call('mayManage', { shopId }, { caller: sally })).allowed).toBe(false);
    expect((await bed.call('mayManage', { shopId }, { caller: bob })).allowed).toBe(true);
  });

  test('names an invalid shopId', async () => {
    const call = shopBed().call('mayManage', { shopId: 'no id!' }, { caller: sally });
    await expect(call).rejects.toMatchObject({ details: { fields: [{ field: 'shopId' }] } });
  });
});

describe('an update with an empty list', () => {
  const emptied = (path: string, list: object) => ({ ...list, updateMask: { paths: [path] } });

  test('of sellers takes the shop from all of them', async () => {
    const { bed, shopId } = await withShop();
    const request = { shopId, ...emptied('seller_ids', { sellerIds: [] }) };
    expect(await bed.call('updateShop', request, { caller: admin })).toMatchObject({
      sellerIds: [],
    });
    expect((await bed.call('mayManage', { shopId }, { caller: sally })).allowed).toBe(false);
    const own = bed.call('updateShop', { shopId, name: 'Mine' }, { caller: sally });
    await expect(own).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
  });

  test('of opening hours makes the shop open always', async () => {
    const { bed, shopId } = await withShop();
    const hours = [{ day: 'monday', opens: '09:00', closes: '10:00' }];
    await bed.call('updateShop', { shopId, openingHours: hours }, { caller: sally });
    const request = { shopId, ...emptied('opening_hours', { openingHours: [] }) };
    const shop = await bed.call('updateShop', request, { caller: sally });
    expect(shop).toMatchObject({ openingHours: [], open: true });
  });

  test('of channels is refused, as a new shop without channels is', async () => {
    const { bed, shopId } = await withShop();
    const request = { shopId, ...emptied('channels', { channels: [] }) };
    await expect(bed.call('updateShop', request, { caller: sally })).rejects.toMatchObject({
      details: { fields: [{ field: 'channels' }] },
    });
  });

  test('of sellers is refused for a seller', async () => {
    const { bed, shopId } = await withShop();
    const request = { shopId, ...emptied('seller_ids', { sellerIds: [] }) };
    await expect(bed.call('updateShop', request, { caller: sally })).rejects.toMatchObject({
      code: Code.PERMISSION_DENIED,
    });
  });

  test('changes nothing if the mask does not name it, as a caller without a mask expects', async () => {
    const { bed, shopId } = await withShop();
    const shop = await bed.call(
      'updateShop',
      { shopId, name: 'New', sellerIds: [] },
      { caller: admin },
    );
    expect(shop).toMatchObject({ name: 'New', sellerIds: ['sally'] });
  });
});

describe('a new shop', () => {
  test('belongs to its seller and is visible to every caller', async () => {
    const bed = shopBed();
    const shop = await bed.call('createShop', corner, { caller: sally });
    expect(shop).toMatchObject({ ...corner, sellerIds: ['sally'] });
    const seen = await bed.call('getShop', { shopId: shop.shopId }, { caller: stranger });
    // only managers see the ids of the sellers
    expect(seen).toEqual({ ...shop, sellerIds: [] });
    const { items } = await bed.call('listShops', {}, { caller: customer });
    expect(items).toEqual([seen]);
  });

  test('can have an id that an admin chooses, once', async () => {
    const bed = shopBed();
    const request = { ...corner, shopId: 'shop_1' };
    const shop = await bed.call('createShop', request, { caller: admin });
    expect(shop).toMatchObject({ shopId: 'shop_1', sellerIds: [] });
    const again = bed.call('createShop', request, { caller: admin });
    await expect(again).rejects.toMatchObject({ code: Code.ALREADY_EXISTS });
    const { total } = await bed.call('listShops', {}, { caller: stranger });
    expect(total).toBe(1);
    const named = bed.call('createShop', { ...corner, shopId: 'mine' }, { caller: sally });
    await expect(named).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
  });

  test('is the same when the request is repeated under the same key', async () => {
    const bed = shopBed();
    const options = { caller: sally, id: 'k1', hasIdempotencyKey: true };
    const first = await bed.call('createShop', corner, options);
    expect(await bed.call('createShop', corner, options)).toEqual(first);
    const other = bed.call('createShop', { ...corner, name: 'Other' }, options);
    await expect(other).rejects.toMatchObject({ code: Code.INVALID_ARGUMENT });
  });

  test.each([stranger, customer, service])(
    'cannot be created by the role $role',
    async (caller) => {
      const call = shopBed().call('createShop', corner, { caller });
      await expect(call).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
    },
  );

  test.each([
    ['name', { name: '' }],
    ['name', { name: 'Corner\u202e' }],
    ['name', { name: 'Corner\nshop' }],
    ['channels', { channels: [] }],
    ['channels.0', { channels: ['smoke signals'] }],
    ['timeZone', { timeZone: 'Berlin' }],
    ['openingHours.0.closes', { openingHours: [{ day: 'monday', opens: '09:00', closes: '' }] }],
    ['shopId', { shopId: 'a b' }],
  ])('is refused for an invalid %s with its name', async (field, part) => {
    const call = shopBed().call('createShop', { ...corner, ...part }, { caller: admin });
    await expect(call).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: { fields: [expect.objectContaining({ field })] },
    });
  });

  test('ends in the same state after a crash, redelivery or conflict at any point', async () => {
    await expectCrashSafe(shopBed, (bed) =>
      bed.call('createShop', { ...corner, shopId: 'shop_1' }, { caller: admin, id: 's1' }),
    );
  });
});

describe('shops', () => {
  test('come in pages, newest first, those of one tenant', async () => {
    const bed = shopBed();
    for (const name of ['A', 'B', 'C']) {
      await bed.call('createShop', { ...corner, name }, { caller: sally });
    }
    const request = { page: 2, limit: 2 };
    const { items, ...page } = await bed.call('listShops', request, { caller: stranger });
    expect(page).toMatchObject({ page: 2, limit: 2, total: 3 });
    expect(items.map(({ name }) => name)).toEqual(['A']);
    const { total } = await bed.call('listShops', {}, { caller: elsewhere(stranger) });
    expect(total).toBe(0);
  });

  test('are open during their opening hours', async () => {
    const { bed, shopId } = await withShop();
    const isOpen = async () => (await bed.call('getShop', { shopId }, { caller: stranger })).open;
    // the clock starts at the beginning of a Thursday
    expect(await isOpen()).toBe(false);
    const openingHours = [{ day: 'thursday', opens: '00:30', closes: '02:00' }];
    await bed.call('updateShop', { shopId, openingHours }, { caller: sally });
    expect(await isOpen()).toBe(true);
    bed.clock.advance(3_600_000);
    expect(await isOpen()).toBe(false);
  });
});

describe('an updated shop', () => {
  test('keeps the fields that are not given', async () => {
    const { bed, shopId } = await withShop();
    const request = { shopId, name: 'New', channels: ['store', 'online', 'store'] };
    const shop = await bed.call('updateShop', request, { caller: sally });
    expect(shop).toMatchObject({ ...corner, name: 'New', channels: ['store', 'online'] });
  });

  test('is not written if nothing changes', async () => {
    const { bed, shopId } = await withShop();
    const before = await bed.call('getShop', { shopId }, { caller: sally });
    bed.clock.advance(1_000);
    expect(await bed.call('updateShop', { shopId, ...corner }, { caller: sally })).toEqual(before);
  });

  test('gets only sellers who may sell, by the name of the field; the present ones stay', async () => {
    const { bed, shopId } = await withShop();
    const update = (sellerIds: string[]) =>
      bed.call('updateShop', { shopId, sellerIds }, { caller: admin });
    await expect(update(['sally', 'carl'])).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: { fields: [{ field: 'sellerIds.1' }] },
    });
    expect((await update(['bob', 'key_1', 'sally'])).sellerIds).toEqual(['bob', 'key_1', 'sally']);
    // those who are in the list already are not looked up
    const calls = bed.callCount('user', 'findSellers');
    await update(['key_1']);
    expect(bed.callCount('user', 'findSellers')).toBe(calls);
  });

  test('can get other sellers from an admin only', async () => {
    const { bed, shopId } = await withShop();
    const request = { shopId, sellerIds: ['bob'] };
    const own = bed.call('updateShop', request, { caller: sally });
    await expect(own).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
    const shop = await bed.call('updateShop', request, { caller: admin });
    expect(shop.sellerIds).toEqual(['bob']);
    await bed.call('updateShop', { shopId, name: 'Bob’s' }, { caller: bob });
    const late = bed.call('updateShop', { shopId, name: 'Mine' }, { caller: sally });
    await expect(late).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
  });

  test.each([
    [bob, Code.PERMISSION_DENIED],
    [customer, Code.PERMISSION_DENIED],
    [service, Code.PERMISSION_DENIED],
    [elsewhere(admin), Code.NOT_FOUND],
  ])('cannot be changed by %j', async (caller, code) => {
    const { bed, shopId } = await withShop();
    const call = bed.call('updateShop', { shopId, name: 'Mine' }, { caller });
    await expect(call).rejects.toMatchObject({ code });
  });

  test('ends in the same state after a crash, redelivery or conflict at any point', async () => {
    const { shopId } = await withShop();
    await expectCrashSafe(
      async () => (await withShop()).bed,
      (bed) => bed.call('updateShop', { shopId, name: 'New' }, { caller: sally, id: 'u1' }),
    );
  });
});

describe('a shop of an API key', () => {
  const key = { ...sally, userId: 'key_1' };
  const actingForSally = { ...key, ownerId: 'sally' };

  test('belongs to the seller on whose behalf the key acts, and outlives the key', async () => {
    const bed = shopBed();
    const { shopId, sellerIds } = await bed.call('createShop', corner, { caller: actingForSally });
    expect(sellerIds).toEqual(['sally']);
    for (const caller of [sally, actingForSally, { ...actingForSally, userId: 'key_2' }]) {
      expect(await bed.call('mayManage', { shopId }, { caller })).toMatchObject({ allowed: true });
    }
    for (const caller of [bob, { ...key, ownerId: 'bob' }, { ...key, userId: 'key_3' }]) {
      expect(await bed.call('mayManage', { shopId }, { caller })).toMatchObject({ allowed: false });
    }
  });

  test('belongs to the key if it acts for itself', async () => {
    const bed = shopBed();
    const { shopId, sellerIds } = await bed.call('createShop', corner, { caller: key });
    expect(sellerIds).toEqual(['key_1']);
    const allowed = async (caller: Caller) =>
      (await bed.call('mayManage', { shopId }, { caller })).allowed;
    expect([await allowed(key), await allowed(sally), await allowed(actingForSally)]).toEqual([
      true,
      false,
      true,
    ]);
  });
});
