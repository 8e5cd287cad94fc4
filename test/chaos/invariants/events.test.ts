import { deterministicId } from '#kit/core/deterministic-id';
import { CANCELLED, CONFIRMED, said, stocked } from '../made-up';
import { finds, withOrder, without, withEvent } from '../spoil';

finds([
  [
    'a confirmation was not said',
    without('order.confirmed', CONFIRMED),
    ['everyChangeIsSaid', 'everyOrderEnds'],
    /never said: order.confirmed/,
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
        ids: [...inbox.ids, `ntf_${deterministicId('x')}`],
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
]);
