import { NotificationSent } from '#contracts/notification';
import type { Evidence, Findings } from './violation';

const CHANNELS: Readonly<Record<string, readonly string[]>> = {
  'order.created': ['inbox'],
  'order.confirmed': ['inbox', 'email'],
  'order.cancelled': ['inbox', 'email', 'sms'],
  'payment.processed': ['inbox'],
  'payment.failed': ['inbox'],
  'payment.refunded': ['inbox', 'email'],
  'delivery.scheduled': ['inbox'],
  'delivery.status.updated': ['inbox', 'sms'],
  'inventory.low-stock': ['email'],
};

export function notifications({ books }: Evidence, found: Findings): void {
  const expected = new Set<string>();
  for (const [id, [event]] of books.events) {
    for (const channel of CHANNELS[event?.type ?? ''] ?? []) expected.add(`${id} ${channel}`);
  }
  const said = new Map<string, number>();
  for (const [event] of books.events.values()) {
    if (event?.type !== NotificationSent.type) continue;
    said.set(event.subject, (said.get(event.subject) ?? 0) + 1);
  }
  const listed = new Map<string, number>();
  for (const { ids } of books.inboxes.values()) {
    for (const id of ids) listed.set(id, (listed.get(id) ?? 0) + 1);
  }
  const sent = new Map<string, Set<string>>();
  for (const { binding, data, metadata } of books.sent) {
    const name = `${binding} ${metadata['fileName'] ?? ''}`;
    sent.set(name, (sent.get(name) ?? new Set()).add(JSON.stringify(data)));
  }
  const told = new Set<string>();
  for (const [id, { eventId, eventType, channel }] of books.notifications) {
    const name = `${eventId} ${channel}`;
    if (told.has(name)) found.add(`${eventType} ${eventId} was told twice by ${channel}`);
    told.add(name);
    if (!expected.has(name)) found.add(`${eventType} ${eventId} was told by ${channel}`);
    found.equal(said.get(id), 1, `times that ${eventType} by ${channel} was said to be sent`);
    if (channel === 'inbox') found.equal(listed.get(id), 1, `times that ${eventType} is listed`);
    else
      found.equal(
        sent.get(`${channel} ${id}.json`)?.size,
        1,
        `forms of ${eventType} by ${channel}`,
      );
  }
  for (const name of expected) if (!told.has(name)) found.add(`${name} was never told`);
  found.equal(said.size, books.notifications.size, 'how many were said to be sent');
}
