import { describe, expect, it } from '@jest/globals';
import { assert, property, array, constantFrom, integer, record } from 'fast-check';
import { type Decided, REMEMBERED, Stock, adjust, emptyStock, orderKeyOf } from './domain';
import { giveBack, hold, release, take } from './holding';

const place = { shopId: 'shop_1', productId: 'pen' };
const adjusted = (change: number) =>
  adjust(emptyStock(place), { adjustmentId: 'first', change }).document;
const line = { orderId: 'o1', quantity: 3 };
const after = (stock: Stock, ...steps: ((stock: Stock) => Decided)[]) =>
  steps.reduce((now, step) => Stock.parse(step(now).document), stock);
const held = (stock: Stock) => hold(stock, line);
const taken = (stock: Stock) => take(stock, line);
const released = (stock: Stock) => release(stock, line, false);
/** So many other orders come and go that the first are forgotten. */
const rush = (stock: Stock) =>
  Array.from({ length: REMEMBERED }, (_, n) => ({ orderId: `rush${n}`, quantity: 1 })).reduce(
    (now, other) => release(hold(now, other).document, other, false).document,
    stock,
  );

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

  it('refuses an order for which there are too few, and again when there are enough', () => {
    const first = hold(adjusted(2), line);
    const refusal = { reason: 'out_of_stock', productId: 'pen' };
    expect(first.outcome).toEqual({ refusal });
    const later = adjust(first.document, { adjustmentId: 'a1', change: 10 }).document;
    expect(hold(later, line)).toEqual({ document: later, outcome: { refusal } });
  });

  it('tells a product that was never there from one that is sold out', () => {
    expect(held(emptyStock(place)).outcome.refusal?.reason).toBe('unknown_product');
    expect(held(after(adjusted(3), held, taken)).outcome).toEqual({ committed: true });
    const soldOut = hold(after(adjusted(3), held, taken), { ...line, orderId: 'o2' });
    expect(soldOut.outcome.refusal?.reason).toBe('out_of_stock');
  });

  it('answers a settled order as it was, and holds nothing again', () => {
    const committed = after(adjusted(10), held, taken);
    expect(hold(committed, line)).toEqual({ document: committed, outcome: { committed: true } });
    const gone = after(adjusted(10), held, released);
    expect(hold(gone, line).document).toBe(gone);
    expect(hold(gone, line).outcome.refusal).toEqual({ reason: 'released', productId: 'pen' });
  });

  it('is no matter of how an order is called', () => {
    const odd = { orderId: 'constructor', quantity: 3 };
    expect(hold(adjusted(10), odd).document.available).toBe(7);
  });
});

describe('releasing', () => {
  it('gives back what is held, once', () => {
    const once = release(after(adjusted(10), held), line, false);
    expect(once.document).toMatchObject({ available: 10, reserved: 0, reservations: '' });
    expect(once.outcome).toEqual({ back: 3, change: { was: 7, now: 10 } });
    // told again, so that a repetition can say the same again
    expect(released(once.document)).toEqual({ document: once.document, outcome: { back: 3 } });
  });

  it('wins over a reserve that it overtakes', () => {
    const stock = after(adjusted(10), released, held);
    expect(stock).toMatchObject({ available: 10, reserved: 0 });
    expect(held(stock).outcome.refusal?.reason).toBe('released');
  });

  it('brings back what was taken for good, once', () => {
    const back = after(adjusted(10), held, taken, released);
    expect(back).toMatchObject({ available: 10, reserved: 0, sold: 0 });
    expect(released(back).document).toBe(back);
  });

  it('brings back what was taken long ago if the order was confirmed, once', () => {
    const forgotten = rush(after(adjusted(10), held, taken));
    expect(release(forgotten, line, false).document).toMatchObject({ available: 7, sold: 3 });
    const back = release(forgotten, line, true);
    expect(back.document).toMatchObject({ available: 10, sold: 0 });
    expect(back.outcome).toEqual({ back: 3, change: { was: 7, now: 10 } });
    const later = rush(back.document);
    expect(release(later, line, true).document).toBe(later);
    expect(take(later, line).document).toBe(later);
  });

  it('brings nothing back of a confirmed order that never was here', () => {
    const other = { orderId: 'o2', quantity: 3 };
    const sold = take(hold(adjusted(10), other).document, other).document;
    expect(release(sold, line, true).document).toMatchObject({ available: 7, sold: 3 });
  });

  it('of a confirmed order wins over a commit that it overtakes', () => {
    const stock = after(adjusted(10), held, (now) => release(now, line, true), taken);
    expect(stock).toMatchObject({ available: 10, reserved: 0, sold: 0 });
    expect(taken(stock).outcome.refusal?.reason).toBe('released');
  });
});

describe('giving back what a refused call held', () => {
  it('answers the order with the same refusal from then on', () => {
    const refusal = { reason: 'out_of_stock', productId: 'ink' } as const;
    const stock = giveBack(after(adjusted(10), held), 'o1', refusal).document;
    expect(stock).toMatchObject({ available: 10, reserved: 0 });
    expect(held(stock).outcome).toEqual({ refusal });
  });

  it('brings nothing back that was taken for good', () => {
    const stock = after(adjusted(10), held, taken);
    const refusal = { reason: 'out_of_stock', productId: 'ink' } as const;
    expect(giveBack(stock, 'o1', refusal).document).toBe(stock);
  });
});

describe('taking', () => {
  it('moves what is held to sold, once', () => {
    const once = after(adjusted(10), held, taken);
    expect(once).toMatchObject({ available: 7, reserved: 0, sold: 3, reservations: '' });
    expect(taken(once)).toEqual({ document: once, outcome: {} });
  });

  it('takes from what is available where nothing is held', () => {
    const { document, outcome } = taken(adjusted(10));
    expect(document).toMatchObject({ available: 7, sold: 3 });
    expect(outcome.change).toEqual({ was: 10, now: 7 });
  });

  it('refuses where nothing is held and too few are available', () => {
    expect(() => taken(adjusted(2))).toThrow('nothing of pen is held for this order');
  });

  it('does not take again for an order that it has forgotten', () => {
    const forgotten = rush(after(adjusted(10), held, taken));
    expect(forgotten.settled).toHaveLength(REMEMBERED);
    expect(taken(forgotten).document).toBe(forgotten);
  });
});

it('loses no piece and makes none up, whatever comes in whatever order', () => {
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
          if (what === 'take') return take(stock, order);
          return release(stock, order, what === 'return');
        };
        try {
          stock = decide().document;
        } catch {
          continue;
        }
        // the schema holds every counter at zero or above, and their sum at what was received
        Stock.parse(stock);
        // the same again changes nothing
        expect(decide().document).toBe(stock);
      }
    }),
  );
});
