import { LowStockAlert, StockUpdated } from '#contracts/inventory';
import { PlaceOrder } from '#contracts/order';
import {
  type Books,
  type Finding,
  type OrderBook,
  type PublishedEvent,
  type StockBook,
  commanded,
  distinct,
  sum,
} from './books';

/** Of each product, the pieces available, reserved and sold are those received. */
export function stockAddsUp({ adjustments, orders, stocks }: Books): Finding[] {
  return stocks.flatMap((stock) => {
    const about = stock.productId;
    const ofProduct = adjustments.filter(({ productId }) => productId === about);
    const received = sum(ofProduct.map(({ change }) => change));
    const sold = sum(orders.map((order) => soldIn(order, about)));
    return ofStock(stock, received, sold).map((message) => ({ about, message }));
  });
}

function ofStock(stock: StockBook, received: number, sold: number): string[] {
  const { available, reserved, isMissing } = stock;
  if (isMissing) return ['has no stock any more'];
  const found: string[] = [];
  if (available < 0 || reserved < 0) found.push(`${available} available, ${reserved} reserved`);
  const all = available + reserved + sold;
  if (all !== received) {
    const is = `${available} available + ${reserved} reserved + ${sold} sold = ${all}`;
    found.push(`${is}, and ${received} were received`);
  }
  if (stock.received !== undefined && stock.received !== received) {
    found.push(`has ${stock.received} received, and ${received} were`);
  }
  if (stock.sold !== undefined && stock.sold !== sold) {
    found.push(`has ${stock.sold} sold, and confirmed orders have ${sold}`);
  }
  return found;
}

function soldIn({ status, items }: OrderBook, product: string): number {
  if (status !== 'confirmed') return 0;
  return sum(items.map(({ productId, quantity }) => (productId === product ? quantity : 0)));
}

/** At rest every order has ended, so that nothing is reserved. */
export function nothingStaysReserved({ stocks }: Books): Finding[] {
  return stocks
    .filter(({ reserved }) => reserved > 0)
    .map(({ productId, reserved }) => ({
      about: productId,
      message: `${reserved} pieces stay reserved for ever`,
    }));
}

/** Each change of a stock starts at what the one before it left; an alert is published per fall below the minimum. */
export function stockEventsFormAChain({ events, stocks, inboxOverflows }: Books): Finding[] {
  if (inboxOverflows) return [];
  const once = distinct(events);
  const changes = Map.groupBy(
    once.filter(({ topic }) => topic === StockUpdated.type),
    ({ subject }) => subject,
  );
  const alerts = Map.groupBy(
    once.filter(({ topic }) => topic === LowStockAlert.type),
    ({ subject }) => subject,
  );
  return stocks
    .filter(({ isMissing }) => isMissing !== true)
    .flatMap((stock) => {
      const its = changes.get(stock.subject) ?? [];
      const message = brokenChain(stock, its, alerts.get(stock.subject)?.length ?? 0);
      return message === undefined ? [] : [{ about: stock.productId, message }];
    });
}

function brokenChain(
  { available, minimumStock, opening }: StockBook,
  changes: readonly PublishedEvent[],
  alerts: number,
): string | undefined {
  let left = opening;
  let falls = 0;
  for (const { id, sequence, data } of changes.toSorted(
    (one, other) => one.sequence - other.sequence,
  )) {
    const previous = Number(data['previousStock']);
    if (previous !== left) {
      return `change ${sequence} (${id}) begins at ${previous}, the one before it ended at ${left}: one was not published, or published twice`;
    }
    const now = Number(data['newStock']);
    if (left > minimumStock && now <= minimumStock) falls++;
    left = now;
  }
  if (left !== available) return `events end at ${left}, the stock is ${available}`;
  if (alerts !== falls) return `fell below its minimum ${falls} times, with ${alerts} alerts`;
  return undefined;
}

/** The catalogue shows each stock, and each order is in its buyer's list once. */
export function readModelsFollow(books: Books): Finding[] {
  const { events, stocks, orders, inboxOverflows } = books;
  const changed = new Set(
    events.filter(({ topic }) => topic === StockUpdated.type).map(({ subject }) => subject),
  );
  const shown = (inboxOverflows ? [] : stocks).flatMap((stock) => {
    if (isShown(stock, changed.has(stock.subject))) return [];
    const message = `the catalogue shows ${stock.shown}, the stock is ${stock.available}`;
    return [{ about: stock.productId, message }];
  });
  const placed = commanded(books, PlaceOrder.type);
  const lists = orders.flatMap(({ orderId, status, listed }) => {
    // an order that is cancelled before it is fulfilled may never have been listed
    const isRight = listed === 1 || (listed === 0 && !placed.has(orderId));
    if (status === 'missing' || isRight) return [];
    return [{ about: orderId, message: `is in its buyer's list ${listed} times` }];
  });
  return [...shown, ...lists];
}

function isShown({ shown, available, isMissing }: StockBook, hasChanged: boolean): boolean {
  if (isMissing) return true;
  if (typeof shown === 'number' || shown === undefined) return shown === available;
  const isShownEmpty = shown === 'out_of_stock' || (shown === 'unknown' && !hasChanged);
  return isShownEmpty === (available === 0);
}
