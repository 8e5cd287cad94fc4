import { CANCELLED, CONFIRMED } from '../made-up';
import { finds, withOrder, withAsked, again } from '../spoil';

const placed = { what: 'order', path: '/orders', status: 201, n: 9 } as const;

finds([
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
]);
