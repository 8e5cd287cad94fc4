import { deterministicId } from '#kit/core/deterministic-id';
import { NotificationSent } from '#contracts/notification';
import {
  type Books,
  type Channel,
  type Finding,
  type NotificationBook,
  type PublishedEvent,
  distinct,
} from './books';

const CHANNELS: Readonly<Record<string, readonly Channel[]>> = {
  'order.created': ['inbox'],
  'order.confirmed': ['inbox', 'email'],
  'order.cancelled': ['inbox', 'email', 'sms'],
  'order.pickup.updated': ['inbox', 'sms'],
  'order.return.updated': ['inbox', 'email'],
  'payment.processed': ['inbox'],
  'payment.failed': ['inbox'],
  'payment.refunded': ['inbox', 'email'],
  'delivery.scheduled': ['inbox'],
  'delivery.status.updated': ['inbox', 'sms'],
  'inventory.low-stock': ['email'],
  'inventory.report.refused': ['email'],
  'user.mail.requested': ['email'],
  'user.security.changed': ['inbox', 'email'],
  'user.access.changed': ['inbox', 'email'],
};

interface Wanted {
  readonly event: PublishedEvent;
  readonly channel: Channel;
}

/** Each event is notified once by each of its channels, and nothing else is notified. */
export function everyEventIsNotified({ events, notifications }: Books): Finding[] {
  const { channels } = notifications;
  const once = distinct(events);
  const wanted = new Map<string, Wanted>();
  for (const event of once) {
    for (const channel of CHANNELS[event.topic] ?? []) {
      if (!channels.includes(channel)) continue;
      const { tenant, source, id } = event;
      wanted.set(`ntf_${deterministicId(tenant, source, id, channel)}`, { event, channel });
    }
  }
  return [
    ...inboxesAreRight(wanted, notifications),
    ...allAreSent(wanted, notifications),
    ...allArePublished(wanted, once),
    ...allAreRecorded(once, notifications),
  ];
}

function inboxesAreRight(
  wanted: ReadonlyMap<string, Wanted>,
  { inboxes }: NotificationBook,
): Finding[] {
  const found: Finding[] = [];
  const listed = new Set<string>();
  for (const { userId, entries } of inboxes) {
    for (const { id, type } of entries) {
      const add = (message: string) => found.push({ about: id, message });
      if (listed.has(id)) add(`is twice in the inbox of ${userId}`);
      listed.add(id);
      const { event, channel } = wanted.get(id) ?? {};
      if (channel !== 'inbox' || event?.topic !== type || event.data['userId'] !== userId) {
        add(`notifies ${userId} of a ${type} that was never published`);
      }
    }
  }
  return [...found, ...missing(wanted, 'inbox', listed)];
}

function allAreSent(wanted: ReadonlyMap<string, Wanted>, { sent, channels }: NotificationBook) {
  const found: Finding[] = [];
  for (const of of channels.filter((channel) => channel !== 'inbox')) {
    const ids = sent.filter(({ channel }) => channel === of).map(({ id }) => id);
    for (const [at, id] of ids.entries()) {
      const add = (message: string) => found.push({ about: id, message });
      if (ids.indexOf(id) !== at) add(`was sent by ${of} with two texts`);
      if (wanted.get(id)?.channel !== of) add(`was sent by ${of} for no event that was published`);
    }
    found.push(...missing(wanted, of, new Set(ids)));
  }
  return found;
}

function missing(
  wanted: ReadonlyMap<string, Wanted>,
  by: Channel,
  ids: ReadonlySet<string>,
): Finding[] {
  return [...wanted].flatMap(([about, { event, channel }]) => {
    if (channel !== by || ids.has(about)) return [];
    const message = `${event.topic} ${event.id} was not notified by ${channel}`;
    return [{ about, message }];
  });
}

/** Each notification is published as sent once. */
function allArePublished(wanted: ReadonlyMap<string, Wanted>, events: readonly PublishedEvent[]) {
  const times = new Map<string, number>();
  for (const { topic, subject } of events) {
    if (topic === NotificationSent.type) times.set(subject, (times.get(subject) ?? 0) + 1);
  }
  const known = [...wanted.keys()].flatMap((about): Finding[] => {
    const count = times.get(about) ?? 0;
    return count === 1 ? [] : [{ about, message: `was published as sent ${count} times` }];
  });
  const unknown = [...times.keys()].filter((about) => !wanted.has(about));
  const message = 'was published as sent for no event that was published';
  return [...known, ...unknown.map((about) => ({ about, message }))];
}

/** The service has recorded by which channels it notified an event, where there are more than the inbox. */
function allAreRecorded(
  events: readonly PublishedEvent[],
  { recorded, channels }: NotificationBook,
): Finding[] {
  if (recorded === undefined) return [];
  const found: Finding[] = [];
  let count = 0;
  for (const { topic, source, id } of events) {
    const its = (CHANNELS[topic] ?? []).filter((channel) => channels.includes(channel));
    if (!its.some((channel) => channel !== 'inbox')) continue;
    count++;
    const known = (recorded.get(deterministicId(source, id)) ?? []).toSorted().join();
    if (known === its.toSorted().join()) continue;
    found.push({ about: id, message: `${topic} is recorded as notified by ${known || 'nothing'}` });
  }
  if (recorded.size === count) return found;
  const message = `${recorded.size} events are recorded as notified, and ${count} were published`;
  return [...found, { about: 'notification', message }];
}
