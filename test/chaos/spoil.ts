import { expect, test } from '@jest/globals';
import type { Books, OrderBook, Said } from './books';
import { check } from './check';
import { asked, goodBooks, said } from './made-up';

// How tests spoil one thing in books in which nothing is wrong, and what the checker then has to say.

/** What is spoiled, which invariants find it, and what they say. */
export type Spoiled = [what: string, (books: Books) => Books, invariants: string[], says: RegExp];

/** A test for each: the checker, as a whole, tells it by these invariants. */
export function finds(spoiled: readonly Spoiled[]): void {
  test.each(spoiled)('the checker finds that %s', (_, spoil, invariants, says) => {
    const violations = check(spoil(goodBooks()));
    const told = violations.map((each) => `${each.invariant}: ${each.about} ${each.message}`);
    expect(told.join('\n')).toMatch(says);
    const names = new Set(violations.map(({ invariant }) => invariant));
    expect([...names]).toEqual(expect.arrayContaining(invariants));
  });
}

export const withOrder = (orderId: string, change: Partial<OrderBook>) => (books: Books) => ({
  ...books,
  orders: books.orders.map((order) =>
    order.orderId === orderId ? { ...order, ...change } : order,
  ),
});
export const without = (topic: string, orderId: string) => (books: Books) => ({
  ...books,
  events: books.events.filter(
    (event) => event.topic !== topic || event.data['orderId'] !== orderId,
  ),
});
export const withEvent = (event: Said) => (books: Books) => ({
  ...books,
  events: [...books.events, event],
});
export const withStock = (change: object) => (books: Books) => ({
  ...books,
  stocks: books.stocks.map((stock) => ({ ...stock, ...change })),
});
export const withAsked = (fields: Parameters<typeof asked>[0]) => (books: Books) => ({
  ...books,
  asked: [...books.asked, asked(fields)],
});
export const again = (topic: string, orderId: string, sequence: number) =>
  withEvent(
    said(topic, 'order', { id: 'another', sequence, data: { orderId, userId: 'user_ann' } }),
  );
