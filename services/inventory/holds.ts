import { refused } from '#kit/core/errors';
import {
  HISTORY_LIMIT,
  type Refusal,
  type Settled,
  type Stock,
  type StockDecision,
  appendBounded,
  changed,
  hasHistory,
  unchanged,
} from './domain';
import { type OrderKey, orderKeyOf } from './order-key';
import { addReservation, quantityHeldBy, removeReservation } from './reservations';

/** The quantity of one product in one order. */
export interface OrderItem {
  orderId: string;
  quantity: number;
}

/** Holds pieces for an order. A repetition gets the outcome that the order already has. */
export function hold(stock: Stock, { orderId, quantity }: OrderItem): StockDecision {
  const order = orderKeyOf(orderId);
  if (quantityHeldBy(stock.reservations, order) !== undefined) return unchanged(stock, {});
  const settled = findSettled(stock, order);
  if (settled !== undefined) {
    const { refusal } = settled;
    return unchanged(stock, refusal === undefined ? { committed: true } : { refusal });
  }
  if (stock.available < quantity) {
    const reason = hasHistory(stock) ? 'out_of_stock' : 'unknown_product';
    const refusal: Refusal = { reason, productId: stock.productId };
    return changed(stock, withSettled(stock, { order, refusal }), { refusal });
  }
  return changed(stock, {
    available: stock.available - quantity,
    reserved: stock.reserved + quantity,
    reservations: addReservation(stock.reservations, order, quantity),
  });
}

/** Releases the pieces that an order holds. From then on the order gets this refusal. */
export function releaseAsRefused(stock: Stock, orderId: string, refusal: Refusal): StockDecision {
  const order = orderKeyOf(orderId);
  const held = quantityHeldBy(stock.reservations, order);
  const settled = findSettled(stock, order);
  if (held === undefined && settled !== undefined) {
    return unchanged(stock, { back: settled.back ?? 0 });
  }
  const back = held ?? 0;
  return changed(
    stock,
    {
      available: stock.available + back,
      reserved: stock.reserved - back,
      reservations: removeReservation(stock.reservations, order),
      ...withSettled(stock, { order, refusal, back }),
    },
    { back },
  );
}

/**
 * Releases an order. If its pieces were committed they return to stock: either this stock lists the
 * order as committed, or, for an order that it no longer lists, the caller says it was confirmed.
 */
export function release(stock: Stock, item: OrderItem, confirmed: boolean): StockDecision {
  const { orderId, quantity } = item;
  const order = orderKeyOf(orderId);
  const settled = findSettled(stock, order);
  const wasCommitted =
    quantityHeldBy(stock.reservations, order) === undefined &&
    stock.sold >= quantity &&
    (settled === undefined ? confirmed && historyIsFull(stock) : settled.refusal === undefined);
  const refusal: Refusal = { reason: 'released', productId: stock.productId };
  const released = wasCommitted
    ? changed(
        stock,
        {
          available: stock.available + quantity,
          sold: stock.sold - quantity,
          ...withSettled(stock, { order, refusal, back: quantity }),
        },
        { back: quantity },
      )
    : releaseAsRefused(stock, orderId, refusal);
  if (!(wasCommitted || confirmed) || stock.returned.includes(order)) return released;
  const { document, outcome } = released;
  return { document: { ...document, returned: appendBounded(stock.returned, order) }, outcome };
}

/**
 * Marks the pieces of an order as sold. An order that holds nothing gets available pieces. Throws if
 * there are too few of them.
 */
export function commit(stock: Stock, { orderId, quantity }: OrderItem): StockDecision {
  const order = orderKeyOf(orderId);
  const held = quantityHeldBy(stock.reservations, order);
  const settled = findSettled(stock, order);
  if (held === undefined) {
    if (settled !== undefined) {
      return unchanged(stock, settled.refusal === undefined ? {} : { refusal: settled.refusal });
    }
    // Only an order that got RESERVED is committed, so an order that is not listed here was settled so
    // long ago that it was dropped from the list. Committing it again would lose its pieces.
    if (historyIsFull(stock)) return unchanged(stock, {});
    if (stock.available < quantity) {
      throw refused('not_reserved', `no pieces of ${stock.productId} are held for this order`);
    }
  }
  const committed = changed(stock, {
    available: stock.available - (held === undefined ? quantity : 0),
    reserved: stock.reserved - (held ?? 0),
    sold: stock.sold + (held ?? quantity),
    reservations: removeReservation(stock.reservations, order),
    ...withSettled(stock, { order }),
  });
  // a settled order commits nothing again, and a commit of held pieces publishes nothing
  return { ...committed, selfIdempotent: held !== undefined };
}

function findSettled(stock: Stock, order: OrderKey): Settled | undefined {
  const settled = stock.settled.findLast((one) => one.order === order);
  if (settled !== undefined || !stock.returned.includes(order)) return settled;
  return { order, refusal: { reason: 'released', productId: stock.productId } };
}

/** Whether settled orders may have been dropped from the list. */
function historyIsFull({ settled }: Stock): boolean {
  return settled.length === HISTORY_LIMIT;
}

function withSettled({ settled }: Stock, entry: Settled): Pick<Stock, 'settled'> {
  const others = settled.filter(({ order }) => order !== entry.order);
  return { settled: appendBounded(others, entry) };
}
