import { CANCELLED, CONFIRMED, ofOrder } from './sample-books';
import { detects, publishedAgain, withEvent, withOrder, withRequest, without } from './test-cases';

detects([
  [
    'an order that never ends',
    withOrder(CONFIRMED, { status: 'pending' }),
    ['everyOrderEnds'],
    /stays pending for ever/,
  ],
  [
    'an order that waited for an operator',
    (books) => ({ ...books, stranded: [CONFIRMED] }),
    ['everyOrderEnds'],
    /was stranded/,
  ],
  [
    'an order that ends twice',
    publishedAgain('order.confirmed', CONFIRMED, 3),
    ['everyOrderEnds', 'everyChangeIsOneEvent'],
    /confirmed 2/,
  ],
  [
    'an order that ends both ways',
    publishedAgain('order.cancelled', CONFIRMED, 3),
    ['everyOrderEnds'],
    /its end 1 times/,
  ],
  [
    'a cancellation that was accepted and did not happen',
    withRequest({ kind: 'cancel', orderId: CONFIRMED }),
    ['cancellationsHappen'],
    /is confirmed, though/,
  ],
  [
    'a command to cancel that was not refused and had no effect',
    (books) => ({
      ...withEvent(ofOrder(CONFIRMED, 'order.cancel', 'order'))(books),
      refusedCommands: new Set<string>(),
    }),
    ['cancellationsHappen'],
    /is confirmed, though its cancellation was accepted \(order.cancel\)/,
  ],
  [
    'a confirmed order that is cancelled without a request',
    publishedAgain('order.confirmed', CANCELLED, 2),
    ['everyOrderEnds'],
    /was confirmed, and cancelled without a request/,
  ],
  [
    'a confirmation that was published of an order that was never confirmed',
    (books) =>
      withOrder(CANCELLED, { wasConfirmed: false })(
        publishedAgain('order.confirmed', CANCELLED, 2)(books),
      ),
    ['everyOrderEnds', 'everyChangeIsOneEvent'],
    /was published as confirmed, and never was/,
  ],
  [
    'an accepted order that no command was published for',
    without('order.place', CONFIRMED),
    ['everyOrderEnds'],
    /no command to fulfil it/,
  ],
  [
    'an ended order that will expire',
    withOrder(CONFIRMED, { expires: true }),
    ['everyOrderEnds'],
    /is confirmed and will expire/,
  ],
  [
    'an order that is lost',
    withOrder(CONFIRMED, { status: 'missing' }),
    ['everyOrderEnds'],
    /lost/,
  ],
  [
    'a confirmed order that is not delivered',
    withOrder(CONFIRMED, { delivery: 'cancelled' }),
    ['everyOrderEnds'],
    /is confirmed, and its delivery is cancelled/,
  ],
  [
    'a cancelled order that is delivered',
    withOrder(CANCELLED, { delivery: 'scheduled' }),
    ['everyOrderEnds', 'everyChangeIsPublished'],
    /is cancelled, and its delivery is scheduled/,
  ],
]);
