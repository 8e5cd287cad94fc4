import { DEFAULT_TENANT } from '#kit/core/caller';
import { deterministicId } from '#kit/core/deterministic-id';
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
  const said = new Map<string, number>();
  for (const [event] of books.events.values()) {
    if (event?.type !== NotificationSent.type) continue;
    said.set(event.subject, (said.get(event.subject) ?? 0) + 1);
  }
  const listed = new Map<string, string[]>();
  for (const { items } of books.inboxes.values()) {
    for (const { id, eventType } of items) listed.set(id, [...(listed.get(id) ?? []), eventType]);
  }
  const sent = new Map<string, Set<string>>();
  for (const { binding, data, metadata } of books.sent) {
    const name = `${binding} ${metadata['fileName'] ?? ''}`;
    sent.set(name, (sent.get(name) ?? new Set()).add(JSON.stringify(data)));
  }

  const count = { said: 0, listed: 0, sent: 0, told: 0 };
  for (const [eventId, [event]] of books.events) {
    const { type, source = '' } = event ?? {};
    const channels = CHANNELS[type ?? ''] ?? [];
    for (const channel of channels) {
      const id = `ntf_${deterministicId(DEFAULT_TENANT, source, eventId, channel)}`;
      const what = `${type} ${eventId} by ${channel}`;
      found.equal(said.get(id), 1, `times that ${what} was said to be sent`);
      count.said++;
      if (channel === 'inbox') {
        found.equal(listed.get(id)?.join(), type, `times that ${what} is listed`);
        count.listed++;
      } else {
        found.equal(sent.get(`${channel} ${id}.json`)?.size, 1, `forms of ${what}`);
        count.sent++;
      }
    }
    if (!channels.some((channel) => channel !== 'inbox')) continue;
    const known = books.told.get(deterministicId(source, eventId))?.channels ?? [];
    found.equal(
      [...known].sort().join(),
      [...channels].sort().join(),
      `channels that ${type} ${eventId} was told by`,
    );
    count.told++;
  }
  found.equal(said.size, count.said, 'how many were said to be sent');
  found.equal(listed.size, count.listed, 'how many are in inboxes');
  found.equal(sent.size, count.sent, 'how many were sent');
  found.equal(books.told.size, count.told, 'of how many it is kept by what they were told');
}
