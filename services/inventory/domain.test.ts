import { describe, expect, it } from '@jest/globals';
import { MAX_PIECES, HISTORY_LIMIT, Stock, adjust, adjustOrDecline, emptyStock } from './domain';

const stockId = { shopId: 'shop_1', productId: 'pen' };
const stocked = (change: number, minimumStock = 0) =>
  adjust(emptyStock(stockId), { adjustmentId: 'first', change, minimumStock }).document;

describe('an adjustment', () => {
  it('adds and removes pieces, with the available pieces before and after as its outcome', () => {
    const { document, outcome } = adjust(stocked(10), { adjustmentId: 'a1', change: -4 });
    expect(document).toMatchObject({ received: 6, available: 6 });
    expect(outcome).toEqual({ change: { was: 10, now: 6 } });
  });

  it('is applied once', () => {
    const once = adjust(stocked(10), { adjustmentId: 'a1', change: 5 }).document;
    const twice = adjust(once, { adjustmentId: 'a1', change: 5 });
    expect(twice.document).toBe(once);
    expect(twice.outcome).toEqual({});
  });

  it('never removes more than is available', () => {
    expect(() => adjust(stocked(3), { adjustmentId: 'a1', change: -4 })).toThrow(
      'only 3 pieces are available',
    );
  });

  it('that was refused stays refused, whatever the stock is by then', () => {
    const first = adjustOrDecline(stocked(3), { adjustmentId: 'a1', change: -4 });
    expect(first.outcome.declined?.reason).toBe('insufficient_stock');
    const filled = adjust(first.document, { adjustmentId: 'a2', change: 10 }).document;
    const again = adjustOrDecline(filled, { adjustmentId: 'a1', change: -4 });
    expect(again).toEqual({ document: filled, outcome: first.outcome });
  });

  it('never adds more than a stock can hold', () => {
    expect(() => adjust(stocked(10), { adjustmentId: 'a1', change: MAX_PIECES })).toThrow(
      'a stock holds at most 1000000000 pieces',
    );
  });

  it('does not change the minimum unless it has one', () => {
    expect(adjust(stocked(10, 4), { adjustmentId: 'a1', change: 1 }).document.minimumStock).toBe(4);
  });

  it('is listed until a bounded number of others follow', () => {
    let stock = stocked(1);
    for (let n = 0; n < HISTORY_LIMIT; n++) {
      stock = adjust(stock, { adjustmentId: `a${n}`, change: 1 }).document;
    }
    expect(stock.adjustments).toHaveLength(HISTORY_LIMIT);
    expect(stock.adjustments).not.toContain('first');
    expect(stock.adjustments).toContain('a0');
  });
});

describe('a low stock', () => {
  it('is in the outcome when the available pieces fall to the minimum', () => {
    const { outcome } = adjust(stocked(10, 4), { adjustmentId: 'a1', change: -6 });
    expect(outcome.change).toEqual({ was: 10, now: 4, low: 4 });
  });

  it('is not in the outcome again while it stays low', () => {
    const low = adjust(stocked(10, 4), { adjustmentId: 'a1', change: -6 }).document;
    const { outcome } = adjust(low, { adjustmentId: 'a2', change: -1 });
    expect(outcome.change).toEqual({ was: 4, now: 3 });
  });

  it('is in the outcome when the minimum is raised above the available pieces', () => {
    const { outcome } = adjust(stocked(10), { adjustmentId: 'a1', change: 1, minimumStock: 20 });
    expect(outcome.change).toEqual({ was: 10, now: 11, low: 20 });
  });
});

describe('a stock whose counters do not add up', () => {
  it.each([
    ['pieces were lost', { available: 9 }],
    ['pieces are reserved without a reservation', { available: 8, reserved: 2 }],
    ['it is below zero', { available: -1, received: -1 }],
  ])('does not match its schema when %s', (_, wrong) => {
    expect(Stock.safeParse(stocked(10)).success).toBe(true);
    expect(Stock.safeParse({ ...stocked(10), ...wrong }).success).toBe(false);
  });
});
