import { refused } from '#kit/errors';
import {
  type Decided,
  REMEMBERED,
  type Refusal,
  type Settled,
  type Stock,
  changed,
  isKnown,
  newest,
  same,
} from './domain';

/** So many pieces of one product for one order. */
export interface Line {
  orderId: string;
  quantity: number;
}

/** Holds pieces for an order. Asked again, the order gets the answer that it has. */
export function hold(stock: Stock, { orderId, quantity }: Line): Decided {
  if (heldBy(stock, orderId) !== undefined) return same(stock, {});
  const known = settledOf(stock, orderId);
  if (known !== undefined) {
    const { refusal } = known;
    return same(stock, refusal === undefined ? { committed: true } : { refusal });
  }
  if (stock.available < quantity) {
    const reason = isKnown(stock) ? 'out_of_stock' : 'unknown_product';
    const refusal: Refusal = { reason, productId: stock.productId };
    return changed(stock, settle(stock, { orderId, refusal }), { refusal });
  }
  return changed(stock, {
    available: stock.available - quantity,
    reserved: stock.reserved + quantity,
    reservations: { ...stock.reservations, [orderId]: quantity },
  });
}

/** Gives back what an order holds; from then on the order gets this refusal. */
export function giveBack(stock: Stock, orderId: string, refusal: Refusal): Decided {
  const held = heldBy(stock, orderId);
  const known = settledOf(stock, orderId);
  if (held === undefined && known !== undefined) return same(stock, { back: known.back ?? 0 });
  const back = held ?? 0;
  return changed(
    stock,
    {
      available: stock.available + back,
      reserved: stock.reserved - back,
      reservations: without(stock.reservations, orderId),
      ...settle(stock, { orderId, refusal, back }),
    },
    { back },
  );
}

/**
 * Releases an order. Where its pieces were taken for good they come back too: as this stock
 * remembers it, or, for an order of long ago, as the caller says who confirmed it.
 */
export function release(stock: Stock, line: Line, confirmed: boolean): Decided {
  const { orderId, quantity } = line;
  const known = settledOf(stock, orderId);
  const taken =
    heldBy(stock, orderId) === undefined &&
    stock.sold >= quantity &&
    (known === undefined ? confirmed && mayHaveForgotten(stock) : known.refusal === undefined);
  const refusal: Refusal = { reason: 'released', productId: stock.productId };
  const released = taken
    ? changed(
        stock,
        {
          available: stock.available + quantity,
          sold: stock.sold - quantity,
          ...settle(stock, { orderId, refusal, back: quantity }),
        },
        { back: quantity },
      )
    : giveBack(stock, orderId, refusal);
  if (!(taken || confirmed) || stock.returned.includes(orderId)) return released;
  const { document, outcome } = released;
  return { document: { ...document, returned: newest(stock.returned, orderId) }, outcome };
}

/** Takes what an order holds out of the stock for good. Throws where it holds nothing and too few are left. */
export function take(stock: Stock, { orderId, quantity }: Line): Decided {
  const held = heldBy(stock, orderId);
  const known = settledOf(stock, orderId);
  if (held === undefined) {
    if (known !== undefined) {
      return same(stock, known.refusal === undefined ? {} : { refusal: known.refusal });
    }
    // Only an order that was told RESERVED is committed, so one that is unknown here was settled so
    // long ago that it is forgotten. To take its pieces once more would lose them.
    if (mayHaveForgotten(stock)) return same(stock, {});
    if (stock.available < quantity) {
      throw refused('not_reserved', `nothing of ${stock.productId} is held for this order`);
    }
  }
  const taken = changed(stock, {
    available: stock.available - (held === undefined ? quantity : 0),
    reserved: stock.reserved - (held ?? 0),
    sold: stock.sold + (held ?? quantity),
    reservations: without(stock.reservations, orderId),
    ...settle(stock, { orderId }),
  });
  // a settled order takes nothing, and taking what was held is nothing to say
  return { ...taken, evident: held !== undefined };
}

function heldBy({ reservations }: Stock, orderId: string): number | undefined {
  return Object.hasOwn(reservations, orderId) ? reservations[orderId] : undefined;
}

function settledOf(stock: Stock, orderId: string): Settled | undefined {
  const settled = stock.settled.findLast((order) => order.orderId === orderId);
  if (settled !== undefined || !stock.returned.includes(orderId)) return settled;
  return { orderId, refusal: { reason: 'released', productId: stock.productId } };
}

function mayHaveForgotten({ settled }: Stock): boolean {
  return settled.length === REMEMBERED;
}

function settle({ settled }: Stock, order: Settled): Pick<Stock, 'settled'> {
  const others = settled.filter(({ orderId }) => orderId !== order.orderId);
  return { settled: newest(others, order) };
}

function without(reservations: Stock['reservations'], orderId: string): Stock['reservations'] {
  const { [orderId]: _, ...others } = reservations;
  return others;
}
