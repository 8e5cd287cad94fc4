import { describe, expect, test } from '@jest/globals';
import type { Caller } from '#kit/core/caller';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { type Testbed, testbed } from '#kit/testing/testbed';
import { StockUpdated } from '#contracts/inventory';
import { product } from './service';

type Bed = Testbed<(typeof product)['definition']>;
const seller: Caller = { userId: 'sally', role: 'seller', tenantId: 'default' };
const price = { amount: '1.00', currency: 'EUR' };
const pen = { name: 'Pen', description: '', category: 'office', price };

async function build() {
  const bed: Bed = testbed(product);
  const { productId } = await bed.call('createProduct', pen, { caller: seller, id: 'pen' });
  const stock = (newStock: number, sequence: number, shopId = 'shop_1', id?: string) =>
    bed.handleEvent(
      StockUpdated,
      { shopId, productId, newStock, previousStock: 0, change: newStock, reason: 'sold' },
      { sequence, ...(id === undefined ? {} : { id }) },
    );
  const availability = async () =>
    (await bed.call('getProduct', { productId }, { caller: seller })).availability;
  return { bed, productId, stock, availability };
}

describe('the availability of a product', () => {
  test.each([
    [1000, 'in_stock'],
    [6, 'in_stock'],
    [5, 'low_stock'],
    [1, 'low_stock'],
    [0, 'out_of_stock'],
  ])('follows its stock: %d pieces are %s', async (pieces, expected) => {
    const { stock, availability } = await build();
    expect(await availability()).toBe('unknown');
    expect(await stock(pieces, 1)).toBe('SUCCESS');
    expect(await availability()).toBe(expected);
  });

  test('is shown in the list too', async () => {
    const { bed, stock } = await build();
    await stock(0, 1);
    const { items } = await bed.call('listProducts', {}, { caller: seller });
    expect(items).toMatchObject([{ availability: 'out_of_stock' }]);
  });

  test('follows the newest event, in whatever order events are delivered', async () => {
    const { stock, availability } = await build();
    await stock(0, 3);
    await stock(100, 2);
    expect(await availability()).toBe('out_of_stock');
    await stock(100, 4);
    await stock(0, 3);
    expect(await availability()).toBe('in_stock');
  });

  test('adds up the stock of all shops, each from its own newest event', async () => {
    const { stock, availability } = await build();
    await stock(3, 9, 'shop_1');
    await stock(3, 1, 'shop_2');
    expect(await availability()).toBe('in_stock');
    await stock(0, 10, 'shop_1');
    expect(await availability()).toBe('low_stock');
    await stock(0, 2, 'shop_2');
    expect(await availability()).toBe('out_of_stock');
  });

  test('does not count a redelivered event twice', async () => {
    const { bed, productId, stock } = await build();
    await stock(3, 1, 'shop_1', 'e1');
    await stock(3, 1, 'shop_1', 'e1');
    const known = await bed.context().stocks.get(productId);
    expect(known).toEqual({ shops: { shop_1: { left: 3, sequence: 1 } } });
  });

  test('does not change the product or its time of change', async () => {
    const { bed, productId, stock } = await build();
    const before = await bed.context().products.get(productId);
    bed.clock.advance(1000);
    await stock(3, 1);
    expect(await bed.context().products.get(productId)).toEqual(before);
  });

  test('of an unknown product is a dead letter, which can be replayed once the product exists', async () => {
    const { productId } = await build();
    const bed: Bed = testbed(product);
    const event = {
      shopId: 's',
      productId,
      newStock: 9,
      previousStock: 0,
      change: 9,
      reason: 'new',
    };
    expect(await bed.handleEvent(StockUpdated, event, { id: 'early' })).toBe('SUCCESS');
    const { letters } = await bed.runtime.deadLetters.page(1, 10);
    expect(letters).toMatchObject([
      {
        id: 'early',
        type: 'product.stock.updated',
        reason: 'not_found',
        message: 'product not found',
      },
    ]);
    await bed.call('createProduct', pen, { caller: seller, id: 'pen' });
    expect(await bed.runtime.replay('early')).toEqual({ succeeded: true });
    const found = await bed.call('getProduct', { productId }, { caller: seller });
    expect(found.availability).toBe('in_stock');
  });

  test('ignores the stock of another tenant', async () => {
    const { bed, productId, availability } = await build();
    const event = {
      shopId: 's',
      productId,
      newStock: 9,
      previousStock: 0,
      change: 9,
      reason: 'new',
    };
    const caller: Caller = { userId: '', role: 'service', tenantId: 'other' };
    await bed.handleEvent(StockUpdated, event, { caller });
    expect(await availability()).toBe('unknown');
  });

  test('ends in the same state after a crash, redelivery or conflict at any point', async () => {
    const { productId } = await build();
    const event = {
      shopId: 's',
      productId,
      newStock: 9,
      previousStock: 0,
      change: 9,
      reason: 'new',
    };
    await expectCrashSafe(
      async () => (await build()).bed,
      (bed) => bed.handleEvent(StockUpdated, event, { id: 's1' }),
    );
  });

  test('is retried when the store is unavailable', async () => {
    const { bed, stock } = await build();
    bed.sidecar.save = () => Promise.reject(new Error('no connection'));
    expect(await stock(1, 1)).toBe('RETRY');
  });
});
