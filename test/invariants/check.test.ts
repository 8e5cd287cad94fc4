import { expect, test } from '@jest/globals';
import { INVARIANTS, MEANING, check } from './check';
import { CANCELLED, goodBooks, ofOrder } from './sample-books';

test('good books have no violations', () => {
  expect(check(goodBooks())).toEqual([]);
});

test('copies of an event are one event', () => {
  const books = goodBooks();
  const copies = books.events.map((event) => ({ ...event, entry: `9${event.entry}` }));
  expect(check({ ...books, events: [...books.events, ...copies] })).toEqual([]);
});

test('an abandoned order may expire undecided', () => {
  const books = goodBooks();
  const [order] = books.orders;
  const abandoned = {
    ...order!,
    orderId: 'order_abandoned',
    status: 'pending',
    listed: 0,
  } as const;
  const { payment, delivery, ...rest } = abandoned;
  const orders = [...books.orders, { ...rest, expires: true, logged: [] }];
  expect(check({ ...books, orders })).toEqual([]);
  expect([payment, delivery]).not.toContain(undefined);
});

test('an order that is cancelled on request need not have been published before', () => {
  const books = goodBooks();
  const reason = 'changed_my_mind';
  const orders = books.orders.map((order) =>
    order.orderId === CANCELLED ? { ...order, reason, logged: [] } : order,
  );
  const command = ofOrder(CANCELLED, 'order.cancel', 'order', 0, { reason });
  const events = [...books.events, command].filter(
    ({ topic, subject }) => topic !== 'order.created' || subject !== CANCELLED,
  );
  const found = check({ ...books, orders, events, requests: [] });
  expect(found.filter(({ invariant }) => invariant === 'everyChangeIsPublished')).toEqual([]);
});

test('stocks that lost inbox entries need not publish each change', () => {
  const books = goodBooks();
  const events = books.events.filter(({ topic }) => topic !== 'product.stock.updated');
  expect(check({ ...books, events, inboxOverflows: true })).toEqual([]);
});

test('each invariant has a sentence that says what it means', () => {
  expect(Object.keys(MEANING).sort()).toEqual(Object.keys(INVARIANTS).sort());
});
