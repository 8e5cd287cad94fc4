import { refused } from '#kit/core/errors';
import {
  type Decided,
  type OrderKey,
  REMEMBERED,
  type Refusal,
  type Settled,
  type Stock,
  changed,
  isKnown,
  newest,
  orderKeyOf,
  same,
} from './domain';
import { heldBy, withHeld, without } from './reservations';

/** So many pieces of one product for one order. */
export interface Line {
  orderId: string;
  quantity: number;
}

/** Holds pieces for an order. Asked again, the order gets the answer that it has. */
export function hold(stock: Stock, { orderId, quantity }: Line): Decided {
  const order = orderKeyOf(orderId);
  if (heldBy(stock.reservations, order) !== undefined) return same(stock, {});
  const known = settledOf(stock, order);
  if (known !== undefined) {
    const { refusal } = known;
    return same(stock, refusal === undefined ? { committed: true } : { refusal });
  }
  if (stock.available < quantity) {
    const reason = isKnown(stock) ? 'out_of_stock' : 'unknown_product';
    const refusal: Refusal = { reason, productId: stock.productId };
    return changed(stock, settle(stock, { order, refusal }), { refusal });
  }
  return changed(stock, {
    available: stock.available - quantity,
    reserved: stock.reserved + quantity,
    reservations: withHeld(stock.reservations, order, quantity),
  });
}

/** Gives back what an order holds; from then on the order gets this refusal. */
export function giveBack(stock: Stock, orderId: string, refusal: Refusal): Decided {
  const order = orderKeyOf(orderId);
  const held = heldBy(stock.reservations, order);
  const known = settledOf(stock, order);
  if (held === undefined && known !== undefined) return same(stock, { back: known.back ?? 0 });
  const back = held ?? 0;
  return changed(
    stock,
    {
      available: stock.available + back,
      reserved: stock.reserved - back,
      reservations: without(stock.reservations, order),
      ...settle(stock, { order, refusal, back }),
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
  const order = orderKeyOf(orderId);
  const known = settledOf(stock, order);
  const taken =
    heldBy(stock.reservations, order) === undefined &&
    stock.sold >= quantity &&
    (known === undefined ? confirmed && mayHaveForgotten(stock) : known.refusal === undefined);
  const refusal: Refusal = { reason: 'released', productId: stock.productId };
  const released = taken
    ? changed(
        stock,
        {
          available: stock.available + quantity,
          sold: stock.sold - quantity,
          ...settle(stock, { order, refusal, back: quantity }),
        },
        { back: quantity },
      )
    : giveBack(stock, orderId, refusal);
  if (!(taken || confirmed) || stock.returned.includes(order)) return released;
  const { document, outcome } = released;
  return { document: { ...document, returned: newest(stock.returned, order) }, outcome };
}

/** Takes what an order holds out of the stock for good. Throws where it holds nothing and too few are left. */
export function take(stock: Stock, { orderId, quantity }: Line): Decided {
  const order = orderKeyOf(orderId);
  const held = heldBy(stock.reservations, order);
  const known = settledOf(stock, order);
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
    reservations: without(stock.reservations, order),
    ...settle(stock, { order }),
  });
  // a settled order takes nothing, and taking what was held is nothing to say
  return { ...taken, selfIdempotent: held !== undefined };
}

function settledOf(stock: Stock, order: OrderKey): Settled | undefined {
  const settled = stock.settled.findLast((known) => known.order === order);
  if (settled !== undefined || !stock.returned.includes(order)) return settled;
  return { order, refusal: { reason: 'released', productId: stock.productId } };
}

function mayHaveForgotten({ settled }: Stock): boolean {
  return settled.length === REMEMBERED;
}

function settle({ settled }: Stock, now: Settled): Pick<Stock, 'settled'> {
  const others = settled.filter(({ order }) => order !== now.order);
  return { settled: newest(others, now) };
}
