import { CancelOrder, PlaceOrder } from '#contracts/order';
import type { Books } from '../books';
import type { Evidence, Findings } from './violation';

/** The orders that a command was given for; a command that was refused is none. */
export function commanded(books: Books, type: string): Set<string> {
  const orders = new Set<string>();
  for (const [id, [event]] of books.events) {
    if (event?.type === type && !books.refused.has(id)) orders.add(event.subject);
  }
  return orders;
}

export function ending({ books, clients, stage }: Evidence, found: Findings): void {
  const placed = commanded(books, PlaceOrder.type);
  const withdrawn = commanded(books, CancelOrder.type);
  for (const { what, orderId, order } of clients.answers) {
    if (what !== 'place' || order === undefined) continue;
    if (!placed.has(orderId) && !withdrawn.has(orderId)) {
      found.add('it was accepted, and nobody was told to fulfil it', orderId);
    }
  }
  for (const orderId of new Set([...placed, ...withdrawn])) {
    const status = books.orders.get(orderId)?.status ?? 'unknown';
    const wanted = withdrawn.has(orderId) ? ['cancelled'] : ['confirmed', 'cancelled'];
    if (!wanted.includes(status)) {
      const how = withdrawn.has(orderId) ? 'cancelled' : 'placed';
      found.add(`it was ${how} and stays ${status}`, orderId);
    }
    if (books.passing.has(orderId)) found.add(`it is ${status} and will be gone`, orderId);
  }
  for (const [orderId, { status, reason = 'none', userId }] of books.orders) {
    if (placed.has(orderId))
      stage.count(status === 'confirmed' ? 'confirmed' : `cancelled: ${reason}`);
    // cancelled before anything was done for it, it may never have been listed
    const listed = books.ordersOf.get(`of:${userId}`)?.items.filter((id) => id === orderId) ?? [];
    if (placed.has(orderId)) found.equal(listed.length, 1, "times in its user's list", orderId);
    const delivery = books.deliveries.get(orderId)?.status ?? 'none';
    const isBrought = !['none', 'refused', 'cancelled'].includes(delivery);
    found.equal(isBrought, status === 'confirmed', `brought (${delivery}, ${status})`, orderId);
  }
  stage.counts.set('orders accepted', placed.size);
  stage.counts.set('orders let go', books.passing.size);
}
