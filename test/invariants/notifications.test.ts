import { deterministicId } from '#kit/core/deterministic-id';
import type { Books, NotificationBook } from './books';
import { detects, withEvent } from './test-cases';
import { CONFIRMED, ofOrder } from './sample-books';

type Inbox = NotificationBook['inboxes'][number]['entries'];

const withNotifications = (change: Partial<NotificationBook>) => (books: Books) => ({
  ...books,
  notifications: { ...books.notifications, ...change },
});
const withInbox = (change: (entries: Inbox) => Inbox) => (books: Books) =>
  withNotifications({
    inboxes: books.notifications.inboxes.map(({ userId, entries }) => ({
      userId,
      entries: change(entries),
    })),
  })(books);

detects([
  [
    'an event that is missing in an inbox',
    withInbox((entries) => entries.slice(1)),
    ['everyEventIsNotified'],
    /not notified by inbox/,
  ],
  [
    'a notification that is twice in an inbox',
    withInbox((entries) => [...entries, ...entries.slice(0, 1)]),
    ['everyEventIsNotified'],
    /twice in the inbox/,
  ],
  [
    'a notification of an event that was never published',
    withInbox((entries) => [
      ...entries,
      { id: `ntf_${deterministicId('x')}`, type: 'order.created' },
    ]),
    ['everyEventIsNotified'],
    /never published/,
  ],
  [
    'an email that was not sent',
    withNotifications({ sent: [] }),
    ['everyEventIsNotified'],
    /not notified by email/,
  ],
  [
    'an email that was sent for no event',
    (books) =>
      withNotifications({
        sent: [...books.notifications.sent, { channel: 'email', id: 'ntf_other' }],
      })(books),
    ['everyEventIsNotified'],
    /ntf_other was sent by email for no event/,
  ],
  [
    'an email that was sent with two texts',
    (books) =>
      withNotifications({
        sent: [...books.notifications.sent, ...books.notifications.sent.slice(0, 1)],
      })(books),
    ['everyEventIsNotified'],
    /was sent by email with two texts/,
  ],
  [
    'a notification that was not published as sent',
    (books) => ({
      ...books,
      events: books.events.filter(({ topic }) => topic !== 'notification.sent'),
    }),
    ['everyEventIsNotified'],
    /was published as sent 0 times/,
  ],
  [
    'a notification that was published as sent for no event',
    withEvent(ofOrder(CONFIRMED, 'notification.sent', 'notification')),
    ['everyEventIsNotified'],
    /was published as sent for no event/,
  ],
  [
    'a channel that the service has not recorded as used',
    withNotifications({ recorded: new Map() }),
    ['everyEventIsNotified'],
    /order.confirmed is recorded as notified by nothing/,
  ],
]);
