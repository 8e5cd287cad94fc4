import { orderKeyOf } from '../../../services/inventory/order-key';
import { listReservations } from '../../../services/inventory/reservations';
import { AdjustStock } from '#contracts/inventory';
import type { Books } from '../books';
import { SHOP } from '../clients';
import { PRODUCTS } from '../scenario';
import type { Evidence, Findings } from './violation';

export function pieces({ books, stage }: Evidence, found: Findings): void {
  for (const [index, productId] of PRODUCTS.entries()) {
    const stock = books.stocks.get(`${SHOP}:${productId}`);
    if (stock === undefined) {
      found.add(`the stock of ${productId} is gone`);
      continue;
    }
    const initial = stage.scenario.pieces[index] ?? 0;
    found.equal(stock.received, initial + adjusted(books, productId), `what came of ${productId}`);
    // the schema of the document adds up available, reserved and sold to what came
    found.equal(stock.sold, ordered(books, productId), `what is sold of ${productId}`);
  }
}

export function reservations({ books }: Evidence, found: Findings): void {
  for (const stock of books.stocks.values()) {
    for (const { order: holder, quantity } of listReservations(stock.reservations)) {
      const order = [...books.orders.values()].find((it) => orderKeyOf(it.orderId) === holder);
      const status = order?.status ?? 'unknown';
      found.add(`${quantity} of ${stock.productId} are held for what is ${status}`, order?.orderId);
    }
  }
}

export function availability({ books, stage }: Evidence, found: Findings): void {
  // of a stock whose marks are forgotten not every change is said: see changeStock
  if (stage.scenario.hot) return;
  for (const { productId, available } of books.stocks.values()) {
    const shown = books.availability.get(productId)?.shops[SHOP]?.left;
    found.equal(shown, available, `what the catalogue shows of ${productId}`);
  }
}

function adjusted(books: Books, product: string): number {
  let sum = 0;
  for (const [id, [event]] of books.events) {
    if (event?.type !== AdjustStock.type || books.refused.has(id)) continue;
    const { productId, change } = AdjustStock.data.parse(event.data);
    if (productId === product) sum += change;
  }
  return sum;
}

/** Pieces in confirmed orders. */
function ordered(books: Books, product: string): number {
  let sum = 0;
  for (const { status, items } of books.orders.values()) {
    if (status !== 'confirmed') continue;
    for (const { productId, quantity } of items) if (productId === product) sum += quantity;
  }
  return sum;
}
