import { CANCELLED, CONFIRMED, published, stockUpdated } from './sample-books';
import { detects, withEvent, withOrder, without } from './test-cases';

const refund = { refundId: 'r', amount: 100, status: 'done' };

detects([
  [
    'a confirmation that was not published',
    without('order.confirmed', CONFIRMED),
    ['everyChangeIsPublished', 'everyOrderEnds'],
    /never published: .*order.confirmed/,
  ],
  [
    'a cancelled order that was not published, although it was not cancelled on request',
    without('order.created', CANCELLED),
    ['everyChangeIsPublished'],
    /never published: order.created/,
  ],
  [
    'an event that the saga log records and that was not published',
    withOrder(CANCELLED, { logged: ['inventory.low-stock'] }),
    ['everyChangeIsPublished'],
    /low-stock/,
  ],
  [
    'a charge that was published as two events',
    withEvent(
      published('payment.processed', 'payment', {
        id: 'another',
        data: { orderId: CONFIRMED, userId: 'user_bob' },
      }),
    ),
    ['everyChangeIsOneEvent'],
    /2 events/,
  ],
  [
    'a refund that was not published',
    withOrder(CONFIRMED, { payment: { status: 'captured', amount: 1_999, refunds: [refund] } }),
    ['everyChangeIsPublished'],
    /never published: payment.refunded/,
  ],
  [
    'reserved pieces of a cancelled order whose release was not published',
    without('inventory.released', CANCELLED),
    ['everyChangeIsPublished'],
    /never published: inventory.released/,
  ],
  [
    'a cancelled delivery that was not published',
    withOrder(CANCELLED, { delivery: 'cancelled' }),
    ['everyChangeIsPublished'],
    /never published: delivery.scheduled, delivery.status.updated/,
  ],
  [
    'a charge that was published and is not in the payment',
    withOrder(CONFIRMED, { payment: { status: 'voided', refunds: [] } }),
    ['everyChangeIsOneEvent'],
    /payment.processed was published as 1 events, at most 0 expected/,
  ],
  [
    'two different events with one id',
    (books) => {
      const copied = books.events.find(({ topic }) => topic === 'order.confirmed')!;
      const data = { ...copied.data, totalAmount: 1 };
      return withEvent({ ...copied, data })(books);
    },
    ['oneIdOneEvent'],
    /is the id of two different events of order.confirmed/,
  ],
  [
    'two changes of a stock with one sequence number',
    withEvent(stockUpdated(5, 9, 9, { reason: 'odd' })),
    ['sequencesRise'],
    /two changes with sequence number 5/,
  ],
  [
    'falling sequence numbers',
    (books) => ({
      ...books,
      events: books.events.map((event) =>
        event.topic === 'order.confirmed' ? { ...event, sequence: 1 } : event,
      ),
    }),
    ['sequencesRise'],
    /do not rise/,
  ],
]);
