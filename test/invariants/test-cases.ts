import { expect, test } from '@jest/globals';
import type { Answer, Books, ClientRequest, OrderBook, PublishedEvent, StockBook } from './books';
import { type InvariantName, check } from './check';
import { goodBooks, published, request } from './sample-books';

/** What is wrong, how the good books are corrupted, and the invariants and the message that report it. */
export type Case = [
  what: string,
  corrupt: (books: Books) => Books,
  invariants: InvariantName[],
  message: RegExp,
];

/** A test for each case. All invariants are checked, as one of them might break on such books. */
export function detects(cases: readonly Case[]): void {
  test.each(cases)('reports %s', (_, corrupt, invariants, message) => {
    const violations = check(corrupt(goodBooks()));
    const lines = violations.map((each) => `${each.invariant}: ${each.about} ${each.message}`);
    expect(lines.join('\n')).toMatch(message);
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
export const withEvent = (event: PublishedEvent) => (books: Books) => ({
  ...books,
  events: [...books.events, event],
});
export const withStock = (change: Partial<StockBook>) => (books: Books) => ({
  ...books,
  stocks: books.stocks.map((stock) => ({ ...stock, ...change })),
});
/** One more request; it was sent after all others were answered. */
export const withRequest =
  (fields: Partial<ClientRequest> & Pick<ClientRequest, 'kind'>) => (books: Books) => ({
    ...books,
    requests: [
      ...books.requests,
      request({ name: 'request 9', sentAt: 2_000, endedAt: 2_010, ...fields }),
    ],
  });
export const confirmedAs = (orderId: string): Answer => ({
  outcome: 'accepted',
  text: '201',
  orderId,
  status: 'confirmed',
});
/** The same change of an order published as another event. */
export const publishedAgain = (topic: string, orderId: string, sequence: number) =>
  withEvent(
    published(topic, 'order', { id: 'another', sequence, data: { orderId, userId: 'user_ann' } }),
  );
