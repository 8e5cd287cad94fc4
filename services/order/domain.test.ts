import { describe, expect, it } from '@jest/globals';
import { pendingOrder } from './testing';
import { toEventPayload, toReservation, priceItems } from './domain';

const prices = new Map([
  ['pen', { amount: '19.99', currency: 'EUR' }],
  ['tea', { amount: '3.00', currency: 'USD' }],
]);

describe('the price of an order', () => {
  it('has the unit prices and their total', () => {
    expect(priceItems([{ productId: 'pen', quantity: 3 }], prices)).toEqual({
      items: [{ productId: 'pen', quantity: 3, unitPrice: prices.get('pen') }],
      totalAmount: { amount: '59.97', currency: 'EUR' },
    });
  });

  it.each([
    ['items.1.productId is not a known product', ['pen', 'ufo']],
    ['items must all be priced in one currency', ['pen', 'tea']],
  ])('is refused: %s', (message, productIds) => {
    const items = productIds.map((productId) => ({ productId, quantity: 1 }));
    expect(() => priceItems(items, prices)).toThrow(message);
  });
});

describe('what other services receive of an order', () => {
  it('contains neither payment token nor address', () => {
    expect(pendingOrder().instructions).toBeDefined();
    expect(
      JSON.stringify([toEventPayload(pendingOrder()), toReservation(pendingOrder())]),
    ).not.toMatch(/tok_|High Street/);
  });

  it('contains no prices for inventory', () => {
    expect(toReservation(pendingOrder()).items[0]).toEqual({ productId: 'pen', quantity: 2 });
  });
});
