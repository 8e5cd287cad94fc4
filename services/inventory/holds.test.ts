import { describe, expect, it } from '@jest/globals';
import { assert, property, array, constantFrom, integer, record } from 'fast-check';
import { type StockDecision, HISTORY_LIMIT, Stock, adjust, emptyStock } from './domain';
import { orderKeyOf } from './order-key';
import { releaseAsRefused, hold, release, commit } from './holds';

const stockId = { shopId: 'shop_1', productId: 'pen' };
const adjusted = (change: number) =>
  adjust(emptyStock(stockId), { adjustmentId: 'first', change }).document;
const line = { orderId: 'o1', quantity: 3 };
const after = (stock: Stock, ...steps: ((stock: Stock) => StockDecision)[]) =>
  steps.reduce((now, step) => Stock.parse(step(now).document), stock);
const held = (stock: Stock) => hold(stock, line);
const committed = (stock: Stock) => commit(stock, line);
const released = (stock: Stock) => release(stock, line, false);
/** Enough other orders to drop the first ones from the list. */
const manyOrders = (stock: Stock) =>
  Array.from({ length: HISTORY_LIMIT }, (_, n) => ({
    orderId: `manyOrders${n}`,
    quantity: 1,
  })).reduce((now, other) => release(hold(now, other).document, other, false).document, stock);

describe('holding', () => {
  it('moves pieces from available to reserved, once for each order', () => {
    const once = after(adjusted(10), held);
    expect(once).toMatchObject({
      available: 7,
      reserved: 3,
      reservations: ` ${orderKeyOf('o1')}:3`,
    });
    expect(hold(once, line)).toEqual({ document: once, outcome: {} });
  });

  it('refuses an order for which there are too few, and refuses it again when there are enough', () => {
    const first = hold(adjusted(2), line);
    const refusal = { reason: 'out_of_stock', productId: 'pen' };
    expect(first.outcome).toEqual({ refusal });
    const later = adjust(first.document, { adjustmentId: 'a1', change: 10 }).document;
    expect(hold(later, line)).toEqual({ document: later, outcome: { refusal } });
  });

  it('distinguishes a product that was never added from one that is sold out', () => {
    expect(held(emptyStock(stockId)).outcome.refusal?.reason).toBe('unknown_product');
    expect(held(after(adjusted(3), held, committed)).outcome).toEqual({ committed: true });
    const soldOut = hold(after(adjusted(3), held, committed), { ...line, orderId: 'o2' });
    expect(soldOut.outcome.refusal?.reason).toBe('out_of_stock');
  });

  it('returns the outcome of a settled order, and holds nothing again', () => {
    const done = after(adjusted(10), held, committed);
    expect(hold(done, line)).toEqual({ document: done, outcome: { committed: true } });
    const gone = after(adjusted(10), held, released);
    expect(hold(gone, line).document).toBe(gone);
    expect(hold(gone, line).outcome.refusal).toEqual({ reason: 'released', productId: 'pen' });
  });

  it('works for any order id', () => {
    const odd = { orderId: 'constructor', quantity: 3 };
    expect(hold(adjusted(10), odd).document.available).toBe(7);
  });
});

describe('releasing', () => {
  it('returns held pieces to stock, once', () => {
    const once = release(after(adjusted(10), held), line, false);
    expect(once.document).toMatchObject({ available: 10, reserved: 0, reservations: '' });
    expect(once.outcome).toEqual({ back: 3, change: { was: 7, now: 10 } });
    // the outcome has it again, so that a repetition publishes the same event
    expect(released(once.document)).toEqual({ document: once.document, outcome: { back: 3 } });
  });

  it('blocks a reserve that arrives later', () => {
    const stock = after(adjusted(10), released, held);
    expect(stock).toMatchObject({ available: 10, reserved: 0 });
    expect(held(stock).outcome.refusal?.reason).toBe('released');
  });

  it('returns committed pieces to stock, once', () => {
    const back = after(adjusted(10), held, committed, released);
    expect(back).toMatchObject({ available: 10, reserved: 0, sold: 0 });
    expect(released(back).document).toBe(back);
  });

  it('returns pieces of a confirmed order that is no longer listed, once', () => {
    const unlisted = manyOrders(after(adjusted(10), held, committed));
    expect(release(unlisted, line, false).document).toMatchObject({ available: 7, sold: 3 });
    const back = release(unlisted, line, true);
    expect(back.document).toMatchObject({ available: 10, sold: 0 });
    expect(back.outcome).toEqual({ back: 3, change: { was: 7, now: 10 } });
    const later = manyOrders(back.document);
    expect(release(later, line, true).document).toBe(later);
    expect(commit(later, line).document).toBe(later);
  });

  it('returns nothing for a confirmed order that this stock never had', () => {
    const other = { orderId: 'o2', quantity: 3 };
    const sold = commit(hold(adjusted(10), other).document, other).document;
    expect(release(sold, line, true).document).toMatchObject({ available: 7, sold: 3 });
  });

  it('of a confirmed order blocks a commit that arrives later', () => {
    const stock = after(adjusted(10), held, (now) => release(now, line, true), committed);
    expect(stock).toMatchObject({ available: 10, reserved: 0, sold: 0 });
    expect(committed(stock).outcome.refusal?.reason).toBe('released');
  });
});

describe('releasing the holds of a refused order', () => {
  it('gives the order the same refusal from then on', () => {
    const refusal = { reason: 'out_of_stock', productId: 'ink' } as const;
    const stock = releaseAsRefused(after(adjusted(10), held), 'o1', refusal).document;
    expect(stock).toMatchObject({ available: 10, reserved: 0 });
    expect(held(stock).outcome).toEqual({ refusal });
  });

  it('returns no committed pieces', () => {
    const stock = after(adjusted(10), held, committed);
    const refusal = { reason: 'out_of_stock', productId: 'ink' } as const;
    expect(releaseAsRefused(stock, 'o1', refusal).document).toBe(stock);
  });
});

describe('committing', () => {
  it('moves held pieces to sold, once', () => {
    const once = after(adjusted(10), held, committed);
    expect(once).toMatchObject({ available: 7, reserved: 0, sold: 3, reservations: '' });
    expect(committed(once)).toEqual({ document: once, outcome: {} });
  });

  it('takes available pieces if the order holds none', () => {
    const { document, outcome } = committed(adjusted(10));
    expect(document).toMatchObject({ available: 7, sold: 3 });
    expect(outcome.change).toEqual({ was: 10, now: 7 });
  });

  it('refuses if the order holds none and too few are available', () => {
    expect(() => committed(adjusted(2))).toThrow('no pieces of pen are held for this order');
  });

  it('does not commit again for an order that is no longer listed', () => {
    const unlisted = manyOrders(after(adjusted(10), held, committed));
    expect(unlisted.settled).toHaveLength(HISTORY_LIMIT);
    expect(committed(unlisted).document).toBe(unlisted);
  });
});

it('the counters always add up, in any sequence of changes', () => {
  const step = record({
    what: constantFrom('adjust', 'hold', 'release', 'return', 'take'),
    orderId: constantFrom('o1', 'o2', 'o3', 'o4'),
    quantity: integer({ min: 1, max: 6 }),
  });
  assert(
    property(array(step, { maxLength: 60 }), (steps) => {
      let stock = adjusted(10);
      for (const [index, { what, ...order }] of steps.entries()) {
        const change = index % 2 === 0 ? order.quantity : -order.quantity;
        const decide = () => {
          if (what === 'adjust') return adjust(stock, { adjustmentId: `a${index}`, change });
          if (what === 'hold') return hold(stock, order);
          if (what === 'take') return commit(stock, order);
          return release(stock, order, what === 'return');
        };
        try {
          stock = decide().document;
        } catch {
          continue;
        }
        // the schema checks that each counter is at least zero and that they add up
        Stock.parse(stock);
        // a repetition changes nothing
        expect(decide().document).toBe(stock);
      }
    }),
  );
});
