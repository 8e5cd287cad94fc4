import { describe, expect, test } from '@jest/globals';
import { identity } from '#kit/handling';
import type { Books, OrderBook, Said } from './books';
import { check, trailOf } from './check';
import { CANCELLED, CONFIRMED, PRODUCT, asked, goodBooks, said, stocked } from './made-up';

const withOrder = (orderId: string, change: Partial<OrderBook>) => (books: Books) => ({
  ...books,
  orders: books.orders.map((order) =>
    order.orderId === orderId ? { ...order, ...change } : order,
  ),
});
const without = (topic: string, orderId: string) => (books: Books) => ({
  ...books,
  events: books.events.filter(
    (event) => event.topic !== topic || event.data['orderId'] !== orderId,
  ),
});
const withEvent = (event: Said) => (books: Books) => ({
  ...books,
  events: [...books.events, event],
});
const withStock = (change: object) => (books: Books) => ({
  ...books,
  stocks: books.stocks.map((stock) => ({ ...stock, ...change })),
});
const withAsked = (fields: Parameters<typeof asked>[0]) => (books: Books) => ({
  ...books,
  asked: [...books.asked, asked(fields)],
});
const again = (topic: string, orderId: string, sequence: number) =>
  withEvent(
    said(topic, 'order', { id: 'another', sequence, data: { orderId, userId: 'user_ann' } }),
  );

const placed = { what: 'order', path: '/orders', status: 201, n: 9 } as const;
const isConfirmed = { orderId: CONFIRMED, status: 'confirmed' };
const adjusted = {
  what: 'adjust',
  key: 'more',
  who: 'admin',
  body: { change: 5 },
  path: `/inventory/shop_1/${PRODUCT}/adjustments`,
} as const;
const twiceTaken = [
  { key: `pay_${CONFIRMED}`, captured: 1_999, refunds: [] },
  { key: `pay_${CONFIRMED}_2`, captured: 1_999, refunds: [] },
];

/** What is spoiled, which invariants tell so, and what they say it is about. */
const SPOILED: [string, (books: Books) => Books, string[], RegExp][] = [
  [
    'pieces are gone',
    withStock({ available: 8 }),
    ['stockAddsUp', 'readModelsFollow'],
    /8 available/,
  ],
  [
    'there are less than none',
    withStock({ available: -1, reserved: 10 }),
    ['stockAddsUp', 'readModelsFollow', 'nothingIsHeldForEver'],
    /-1 available/,
  ],
  [
    'an adjustment was made twice',
    (books) =>
      withEvent(stocked(6, 9, 19, { reason: 'more' }))(
        withStock({ available: 19 })(withAsked(adjusted)(books)),
      ),
    ['stockAddsUp'],
    /but 15 came/,
  ],
  [
    'pieces are held for nobody',
    withStock({ available: 8, reserved: 1 }),
    ['nothingIsHeldForEver', 'readModelsFollow'],
    /1 pieces are held/,
  ],
  [
    'an order was captured twice',
    (books) => ({ ...books, captures: twiceTaken }),
    ['moneyAddsUp'],
    /captured 2 times/,
  ],
  [
    'money of a cancelled order is kept',
    (books) => ({
      ...books,
      captures: [...books.captures, { key: `pay_${CANCELLED}`, captured: 1_999, refunds: [] }],
    }),
    ['moneyAddsUp'],
    /1999 cents of it are kept/,
  ],
  [
    'nothing was captured',
    (books) => ({ ...books, captures: [] }),
    ['moneyAddsUp'],
    /nothing was captured/,
  ],
  [
    'more was given back than the payment tells',
    (books) => ({
      ...books,
      captures: [
        { key: `pay_${CONFIRMED}`, captured: 1_999, refunds: [{ key: 'r', amount: 100 }] },
      ],
    }),
    ['moneyAddsUp'],
    /1899 cents are kept/,
  ],
  [
    'too little was captured',
    (books) => ({ ...books, captures: [{ key: `pay_${CONFIRMED}`, captured: 999, refunds: [] }] }),
    ['moneyAddsUp'],
    /its total is 1999/,
  ],
  [
    'money was taken for nobody',
    (books) => ({
      ...books,
      captures: [
        ...books.captures,
        { key: 'pay_order_unknown00000000000000u', captured: 5, refunds: [] },
      ],
    }),
    ['moneyAddsUp'],
    /nobody knows/,
  ],
  ['an order is lost', withOrder(CONFIRMED, { status: 'missing' }), ['everyOrderEnds'], /is lost/],
  [
    'an order never ends',
    withOrder(CONFIRMED, { status: 'pending' }),
    ['everyOrderEnds'],
    /pending for ever/,
  ],
  [
    'an order waited for an operator',
    (books) => ({ ...books, stranded: [CONFIRMED] }),
    ['everyOrderEnds'],
    /was stranded/,
  ],
  [
    'an order ends twice',
    again('order.confirmed', CONFIRMED, 3),
    ['everyOrderEnds', 'everyChangeIsOneEvent'],
    /confirmed 2/,
  ],
  [
    'an order ends both ways',
    again('order.cancelled', CONFIRMED, 3),
    ['everyOrderEnds'],
    /its end 1 times/,
  ],
  [
    'an answer did not stay true',
    withAsked({ ...placed, told: { orderId: CANCELLED } }),
    ['everyOrderEnds'],
    /answered as confirmed/,
  ],
  [
    'a cancellation did not happen',
    withAsked({ what: 'cancel', path: `/orders/${CONFIRMED}/cancel`, status: 202 }),
    ['cancelsHappen'],
    /is confirmed, though/,
  ],
  [
    'a key is two orders',
    withAsked({ ...placed, key: 'second', told: isConfirmed }),
    ['sameKeySameAnswer'],
    /second is /,
  ],
  [
    'an order has two keys',
    withAsked({ ...placed, key: 'third', told: isConfirmed }),
    ['sameKeySameAnswer'],
    /is of .* first and .* third/,
  ],
  [
    'another body is taken',
    withAsked({ ...placed, key: 'first', changed: true, told: isConfirmed }),
    ['sameKeySameAnswer'],
    /another body/,
  ],
  [
    'an answer is a surprise',
    withAsked({ ...placed, status: 500 }),
    ['sameKeySameAnswer'],
    /answered 500/,
  ],
  [
    'a confirmation was not said',
    without('order.confirmed', CONFIRMED),
    ['everyChangeIsSaid', 'everyOrderEnds'],
    /never said: order.confirmed/,
  ],
  [
    'a change of the stock was not said',
    without('product.stock.updated', CONFIRMED),
    ['readModelsFollow'],
    /events end at 9|begins at/,
  ],
  [
    'what the story tells was not said',
    withOrder(CANCELLED, { story: { events: [{ type: 'inventory.low-stock', at: '' }] } }),
    ['everyChangeIsSaid'],
    /low-stock/,
  ],
  [
    'a charge was said twice',
    withEvent(
      said('payment.processed', 'payment', {
        id: 'another',
        data: { orderId: CONFIRMED, userId: 'user_bob' },
      }),
    ),
    ['everyChangeIsOneEvent'],
    /2 events/,
  ],
  [
    'nobody was told of an event',
    (books) => ({
      ...books,
      inboxes: books.inboxes.map((inbox) => ({ ...inbox, ids: inbox.ids.slice(1) })),
    }),
    ['everyEventIsTold'],
    /not told by inbox/,
  ],
  [
    'a customer was told twice',
    (books) => ({
      ...books,
      inboxes: books.inboxes.map((inbox) => ({
        ...inbox,
        ids: [...inbox.ids, ...inbox.ids.slice(0, 1)],
      })),
    }),
    ['everyEventIsTold'],
    /twice in the inbox/,
  ],
  [
    'a customer was told of nothing',
    (books) => ({
      ...books,
      inboxes: books.inboxes.map((inbox) => ({
        ...inbox,
        ids: [...inbox.ids, `ntf_${identity('x')}`],
      })),
    }),
    ['everyEventIsTold'],
    /never said/,
  ],
  [
    'an email did not go out',
    (books) => ({ ...books, emails: [] }),
    ['everyEventIsTold'],
    /not told by email/,
  ],
  [
    'an event is with a service for ever',
    (books) => ({
      ...books,
      groups: [{ topic: 'order.created', name: 'notification', pending: 1, lag: 0 }],
    }),
    ['nothingIsInFlight'],
    /1 events are with notification/,
  ],
  [
    'an event never went out',
    (books) => ({
      ...books,
      groups: [{ topic: 'order.created', name: 'notification', pending: 0, lag: 2 }],
    }),
    ['nothingIsInFlight'],
    /2 never went out/,
  ],
  [
    'the catalogue shows another stock',
    withStock({ shown: 'out_of_stock' }),
    ['readModelsFollow'],
    /the catalogue shows/,
  ],
  [
    'an order is in no list',
    withOrder(CANCELLED, { listed: 0 }),
    ['readModelsFollow'],
    /list 0 times/,
  ],
  [
    'an order is twice in a list',
    withOrder(CANCELLED, { listed: 2 }),
    ['readModelsFollow'],
    /list 2 times/,
  ],
  [
    'a dead letter does not go away',
    (books) => ({
      ...books,
      letters: [{ service: 'product', id: 'x', type: 'product.stock.updated', message: 'why' }],
    }),
    ['replayEmptiesDeadLetters'],
    /still a dead letter of product/,
  ],
  [
    'a number comes twice',
    withEvent(stocked(5, 9, 9, { reason: 'odd' })),
    ['sequencesRise'],
    /two changes of number 5/,
  ],
  [
    'numbers fall',
    (books) => ({
      ...books,
      events: books.events.map((event) =>
        event.topic === 'order.confirmed' ? { ...event, sequence: 1 } : event,
      ),
    }),
    ['sequencesRise'],
    /do not rise/,
  ],
];

describe('the checker', () => {
  test('finds nothing in books in which nothing is wrong', () => {
    expect(check(goodBooks())).toEqual([]);
  });

  test('takes an event that is said again for one', () => {
    const books = goodBooks();
    const repeated = books.events.map((event) => ({ ...event, entry: `9${event.entry}` }));
    expect(check({ ...books, events: [...books.events, ...repeated] })).toEqual([]);
  });

  test.each(SPOILED)('finds that %s', (_, spoil, invariants, message) => {
    const violations = check(spoil(goodBooks()));
    const told = violations.map((each) => `${each.invariant}: ${each.about} ${each.message}`);
    expect(told.join('\n')).toMatch(message);
    const names = new Set(violations.map(({ invariant }) => invariant));
    expect([...names]).toEqual(expect.arrayContaining(invariants));
  });

  test('gives the trail to an order: what was asked and said of it', () => {
    const trail = trailOf(goodBooks(), CONFIRMED).join('\n');
    expect(trail).toMatch(/request 1 order first: 201 confirmed/);
    expect(trail).toMatch(/event order.confirmed \S+ of order, number 2/);
    expect(trail).not.toContain(CANCELLED);
  });
});
