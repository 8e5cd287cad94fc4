import { describe, expect, it } from '@jest/globals';
import { pending } from './testing';
import { facts, goods, priced } from './domain';

const prices = new Map([
  ['pen', { amount: '19.99', currency: 'EUR' }],
  ['tea', { amount: '3.00', currency: 'USD' }],
]);

describe('a price', () => {
  it('is of today, for each piece and for all', () => {
    expect(priced([{ productId: 'pen', quantity: 3 }], prices)).toEqual({
      items: [{ productId: 'pen', quantity: 3, unitPrice: prices.get('pen') }],
      totalAmount: { amount: '59.97', currency: 'EUR' },
    });
  });

  it.each([
    ['items.1.productId is no product', ['pen', 'ufo']],
    ['items must all be priced in one currency', ['pen', 'tea']],
  ])('is refused: %s', (message, productIds) => {
    const items = productIds.map((productId) => ({ productId, quantity: 1 }));
    expect(() => priced(items, prices)).toThrow(message);
  });
});

describe('what others get of an order', () => {
  it('is neither its token nor its address', () => {
    expect(pending().instructions).toBeDefined();
    expect(JSON.stringify([facts(pending()), goods(pending())])).not.toMatch(/tok_|High Street/);
  });

  it('has no prices for inventory', () => {
    expect(goods(pending()).items[0]).toEqual({ productId: 'pen', quantity: 2 });
  });
});
