import { describe, expect, it } from '@jest/globals';
import { pendingOrder } from './testing';
import { toEventPayload, toReservation, priceItems } from './domain';

const pen = { amount: '19.99', currency: 'EUR' };
const tea = { amount: '3.00', currency: 'USD' };

describe('the price of an order', () => {
  it('has the unit prices and their total', () => {
    expect(priceItems([{ productId: 'pen', quantity: 3 }], [pen])).toEqual({
      items: [{ productId: 'pen', quantity: 3, unitPrice: pen }],
      totalAmount: { amount: '59.97', currency: 'EUR' },
    });
  });

  it.each([
    ['items.1.productId has no price', [pen, undefined]],
    ['items must all be priced in one currency', [pen, tea]],
  ])('is refused: %s', (message, prices) => {
    const items = ['one', 'two'].map((productId) => ({ productId, quantity: 1 }));
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
