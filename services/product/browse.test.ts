import { describe, expect, jest, test } from '@jest/globals';
import type { Caller } from '#kit/core/caller';
import { Code } from '#kit/core/errors';
import { testbed } from '#kit/testing/testbed';
import { product } from './service';

const seller: Caller = { userId: 'sally', role: 'seller', tenantId: 'default' };
const caller: Caller = { userId: '', role: 'anonymous', tenantId: 'default' };

async function build(count = 3) {
  const bed = testbed(product);
  const ids: string[] = [];
  for (let number = 1; number <= count; number++) {
    const category = number % 2 === 0 ? 'Even & co.' : 'odd';
    const price = { amount: `${number}.00`, currency: 'EUR' };
    const fields = { name: `P${number}`, description: '', category, price };
    ids.push((await bed.call('createProduct', fields, { caller: seller })).productId);
  }
  return { bed, ids };
}

describe('a product', () => {
  test('is not found if it does not exist or belongs to another tenant', async () => {
    const { bed, ids } = await build(1);
    const call = bed.call('getProduct', { productId: 'none' }, { caller });
    await expect(call).rejects.toMatchObject({
      code: Code.NOT_FOUND,
      message: 'product not found',
    });
    const theirs = { caller: { ...caller, tenantId: 'other' } };
    await expect(bed.call('getProduct', { productId: ids[0]! }, theirs)).rejects.toMatchObject({
      code: Code.NOT_FOUND,
    });
  });

  test('is refused for an invalid id', async () => {
    const { bed } = await build(0);
    const call = bed.call('getProduct', { productId: '../users' }, { caller });
    await expect(call).rejects.toMatchObject({
      details: { fields: [expect.objectContaining({ field: 'productId' })] },
    });
  });
});

describe('the catalogue', () => {
  test('is returned in pages, newest first', async () => {
    const { bed } = await build(5);
    const first = await bed.call('listProducts', { limit: 2 }, { caller });
    expect(first).toMatchObject({ page: 1, limit: 2, total: 5 });
    expect(first.items.map(({ name }) => name)).toEqual(['P5', 'P4']);
    const last = await bed.call('listProducts', { page: 3, limit: 2 }, { caller });
    expect(last.items.map(({ name }) => name)).toEqual(['P1']);
    const beyond = await bed.call('listProducts', { page: 4, limit: 2 }, { caller });
    expect(beyond).toMatchObject({ items: [], total: 5 });
  });

  test.each(['Even & co.', 'even & CO.', '  Even  & ｃｏ. ', '\u0415ven & co.'])(
    'can be filtered by the category %s',
    async (category) => {
      const { bed } = await build(5);
      const answer = await bed.call('listProducts', { category }, { caller });
      expect(answer).toMatchObject({ page: 1, limit: 20, total: 2 });
      expect(answer.items.map(({ name }) => name)).toEqual(['P4', 'P2']);
    },
  );

  test('contains the products of one tenant', async () => {
    const { bed } = await build(2);
    const answer = await bed.call('listProducts', {}, { caller: { ...caller, tenantId: 'other' } });
    expect(answer).toMatchObject({ items: [], total: 0 });
  });

  test.each([
    ['page', { page: -1 }],
    ['limit', { limit: 101 }],
    ['category', { category: 'c'.repeat(101) }],
  ])('refuses an invalid %s with its name', async (field, request) => {
    const { bed } = await build(0);
    await expect(bed.call('listProducts', request, { caller })).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: { fields: [expect.objectContaining({ field })] },
    });
  });
});

describe('the prices of an order', () => {
  test('are returned in the order of the request', async () => {
    const { bed, ids } = await build(3);
    const request = { productIds: [ids[2]!, ids[0]!] };
    const { prices } = await bed.call('priceItems', request, { caller });
    expect(prices).toMatchObject([
      { productId: ids[2], name: 'P3', price: { amount: '3.00', currency: 'EUR' } },
      { productId: ids[0], name: 'P1', price: { amount: '1.00', currency: 'EUR' } },
    ]);
  });

  test('cost one read', async () => {
    const { bed, ids } = await build(2);
    const load = jest.spyOn(bed.sidecar, 'load');
    const loadMany = jest.spyOn(bed.sidecar, 'loadMany');
    await bed.call('priceItems', { productIds: ids }, { caller });
    expect(loadMany).toHaveBeenCalledTimes(1);
    expect(load).not.toHaveBeenCalled();
  });

  test('are refused with the id of the first product that does not exist', async () => {
    const { bed, ids } = await build(1);
    const call = bed.call('priceItems', { productIds: [ids[0]!, 'p_gone', 'p_too'] }, { caller });
    await expect(call).rejects.toMatchObject({
      code: Code.NOT_FOUND,
      message: 'product p_gone not found',
      details: { productId: 'p_gone' },
    });
  });

  test.each([
    ['productIds', []],
    ['productIds', Array.from({ length: 101 }, (_, index) => `p${index}`)],
    ['productIds.1', ['p1', 'a b']],
  ])('are refused for invalid %s with the name of the field', async (field, productIds) => {
    const { bed } = await build(0);
    await expect(bed.call('priceItems', { productIds }, { caller })).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: { fields: [expect.objectContaining({ field })] },
    });
  });
});
