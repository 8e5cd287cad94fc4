import { CANCELLED, CONFIRMED, PRODUCT, stockUpdated } from './sample-books';
import { detects, withEvent, withOrder, withStock, without } from './test-cases';

detects([
  [
    'pieces that are gone',
    withStock({ available: 8 }),
    ['stockAddsUp', 'stockEventsFormAChain'],
    /8 available/,
  ],
  [
    'a negative stock',
    withStock({ available: -1, reserved: 10 }),
    ['stockAddsUp', 'stockEventsFormAChain', 'nothingStaysReserved'],
    /-1 available/,
  ],
  [
    'an adjustment that took effect twice',
    (books) => ({
      ...withEvent(stockUpdated(6, 9, 19, { reason: 'more' }))(withStock({ available: 19 })(books)),
      adjustments: [...books.adjustments, { productId: PRODUCT, change: 5 }],
    }),
    ['stockAddsUp'],
    /and 15 were received/,
  ],
  [
    'another number of received pieces in the stock',
    withStock({ received: 11 }),
    ['stockAddsUp'],
    /has 11 received, and 10 were/,
  ],
  [
    'another number of sold pieces in the stock',
    withStock({ sold: 0 }),
    ['stockAddsUp'],
    /has 0 sold, and confirmed orders have 1/,
  ],
  ['a stock that is gone', withStock({ isMissing: true }), ['stockAddsUp'], /no stock any more/],
  [
    'pieces that stay reserved',
    withStock({ available: 8, reserved: 1 }),
    ['nothingStaysReserved', 'stockEventsFormAChain'],
    /1 pieces stay reserved/,
  ],
  [
    'a change of the stock that was not published',
    without('product.stock.updated', CONFIRMED),
    ['stockEventsFormAChain'],
    /events end at 9|begins at/,
  ],
  [
    'a fall below the minimum without an alert',
    withStock({ minimumStock: 9 }),
    ['stockEventsFormAChain'],
    /fell below its minimum 1 times, with 0 alerts/,
  ],
  [
    'a catalogue that shows another stock',
    withStock({ shown: 'out_of_stock' }),
    ['readModelsFollow'],
    /the catalogue shows/,
  ],
  [
    'a catalogue that shows another number of pieces',
    withStock({ shown: 8 }),
    ['readModelsFollow'],
    /the catalogue shows 8, the stock is 9/,
  ],
  [
    'an order that is in no list',
    withOrder(CANCELLED, { listed: 0 }),
    ['readModelsFollow'],
    /list 0 times/,
  ],
  [
    'an order that is twice in a list',
    withOrder(CANCELLED, { listed: 2 }),
    ['readModelsFollow'],
    /list 2 times/,
  ],
]);
