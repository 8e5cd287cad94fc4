import { describe, expect, test } from '@jest/globals';
import type { Caller } from '#kit/core/caller';
import { Code, unavailable } from '#kit/core/errors';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { testbed } from '#kit/testing/testbed';
import { product } from './service';

const sally: Caller = { userId: 'sally', role: 'seller', tenantId: 'default' };
const bob: Caller = { ...sally, userId: 'bob' };
const ada: Caller = { ...sally, userId: 'ada', role: 'admin' };
const price = { amount: '18.90', currency: 'EUR' };
const beans = { name: 'Beans', description: '1 kg', category: 'coffee', price };
const sellers = ['sally', 'bob', 'ada'];

const build = () =>
  testbed(product, {
    calls: {
      user: {
        findSellers: ({ ids }) => ({
          userIds: ids.filter((id) => sellers.includes(id)),
          keyIds: ids.filter((id) => id.startsWith('key_')),
        }),
      },
    },
  });
type Bed = ReturnType<typeof build>;

async function withBeans(caller: Caller) {
  const bed = build();
  const { productId } = await bed.call('createProduct', beans, { caller, id: 'beans' });
  return { bed, productId };
}
const ownerOf = async (bed: Bed, productId: string) =>
  (await bed.call('getProductOwner', { productId }, { caller: ada })).ownerId;
const mayChange = (bed: Bed, productId: string, caller: Caller) =>
  bed.call('updateProduct', { productId, name: 'B' }, { caller }).then(
    () => true,
    (error: unknown) => {
      expect(error).toMatchObject({ code: Code.PERMISSION_DENIED });
      return false;
    },
  );

describe('a product that an API key created', () => {
  const key = (userId: string, ownerId?: string): Caller => ({
    ...sally,
    userId,
    ...(ownerId === undefined ? {} : { ownerId }),
  });

  test('belongs to the seller on whose behalf the key acts, and outlives the key', async () => {
    const { bed, productId } = await withBeans(key('key_1', 'sally'));
    expect(await ownerOf(bed, productId)).toBe('sally');
    for (const caller of [sally, key('key_1', 'sally'), key('key_2', 'sally'), ada]) {
      expect(await mayChange(bed, productId, caller)).toBe(true);
    }
    for (const caller of [bob, key('key_3', 'bob'), key('key_4')]) {
      expect(await mayChange(bed, productId, caller)).toBe(false);
    }
  });

  test('belongs to the key if it acts for itself, and to no other key', async () => {
    const { bed, productId } = await withBeans(key('key_1'));
    expect(await ownerOf(bed, productId)).toBe('key_1');
    expect(await mayChange(bed, productId, key('key_1'))).toBe(true);
    for (const caller of [sally, key('key_2'), key('key_3', 'sally')]) {
      expect(await mayChange(bed, productId, caller)).toBe(false);
    }
  });
});

describe('the owner of a product', () => {
  test.each([
    ['from another seller', bob],
    ['if there was none', ada],
  ])('is set by an admin: %s', async (_, creator) => {
    const { bed, productId } = await withBeans(creator);
    const owned = await bed.call(
      'setProductOwner',
      { productId, ownerId: 'sally' },
      { caller: ada },
    );
    expect(owned).toMatchObject({ productId, ownerId: 'sally' });
    expect(await ownerOf(bed, productId)).toBe('sally');
    expect(await mayChange(bed, productId, sally)).toBe(true);
    expect(await mayChange(bed, productId, bob)).toBe(false);
  });

  test.each(['carl', 'key_1'])('cannot be %s, which is not a user who sells', async (ownerId) => {
    const { bed, productId } = await withBeans(bob);
    const call = bed.call('setProductOwner', { productId, ownerId }, { caller: ada });
    await expect(call).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: { fields: [{ field: 'ownerId' }] },
    });
    expect(await ownerOf(bed, productId)).toBe('bob');
  });

  test('is read and set by admins only', async () => {
    const { bed, productId } = await withBeans(bob);
    const anonymous = { ...bob, userId: '', role: 'anonymous' } as const;
    for (const caller of [bob, { ...bob, role: 'customer' } as const, anonymous]) {
      const set = bed.call('setProductOwner', { productId, ownerId: 'bob' }, { caller });
      await expect(set).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
      const get = bed.call('getProductOwner', { productId }, { caller });
      await expect(get).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
    }
  });

  test.each(['setProductOwner', 'getProductOwner'] as const)(
    'of an unknown product is NOT_FOUND: %s',
    async (method) => {
      const request = { productId: 'unknown', ownerId: 'sally' };
      await expect(build().call(method, request, { caller: ada })).rejects.toMatchObject({
        code: Code.NOT_FOUND,
      });
    },
  );

  test('stays as it was while the user service is down', async () => {
    const findSellers = () => {
      throw unavailable('user is down');
    };
    const bed = testbed(product, { calls: { user: { findSellers } } });
    const { productId } = await bed.call('createProduct', beans, { caller: bob });
    const call = bed.call('setProductOwner', { productId, ownerId: 'sally' }, { caller: ada });
    await expect(call).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    expect(await ownerOf(bed, productId)).toBe('bob');
  });

  test('is set in the same way, wherever the process is killed', async () => {
    const prepare = async () => (await withBeans(bob)).bed;
    const { productId } = await withBeans(bob);
    const request = { productId, ownerId: 'sally' };
    await expectCrashSafe(prepare, (bed) =>
      bed.call('setProductOwner', request, { caller: ada, id: 'o1' }),
    );
  });
});
