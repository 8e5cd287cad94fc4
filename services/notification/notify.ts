import { isoTime } from '#kit/clock';
import type { EventMeta } from '#kit/cloud-event';
import { isTransient } from '#kit/errors';
import { identity } from '#kit/handling';
import { NotificationSent } from '#contracts/notification';
import type { Channel, Telling } from './domain';
import { Recipient } from './recipient';
import { send } from './send';
import type { Context } from './service';

/**
 * Tells of an event by each of its channels, each on its own: one that fails keeps no other from
 * being used, and those that worked are not used again when the event comes again.
 *
 * The cost, as each order says four or five events that are heard here: by the inbox two writes
 * (the user's list, and the record that it was told), by email or text message one (the record)
 * and one call for both, to ask where the user is reached. Besides, one event said for each.
 */
export async function notify<E>(
  telling: Telling<E>,
  event: E,
  meta: EventMeta,
  context: Context,
): Promise<void> {
  const recipient = new Recipient(telling.to(event), context);
  const failures: unknown[] = [];
  for (const channel of telling.channels) {
    try {
      await tellBy(channel, recipient, telling.text(event), meta, context);
    } catch (error) {
      failures.push(error);
    }
  }
  // what may work later decides: it brings the event again for all that has failed
  if (failures.length > 0) throw failures.find(isTransient) ?? failures[0];
}

async function tellBy(
  channel: Channel,
  recipient: Recipient,
  message: { subject: string; text: string },
  { id: eventId, type: eventType, source }: EventMeta,
  context: Context,
): Promise<void> {
  const { notifications, publish, caller, clock } = context;
  // a hash, as it becomes the name of a file, and an event's id may be any text
  const notificationId = `ntf_${identity(caller.tenantId, source, eventId, channel)}`;
  // the event was handled before, maybe long ago
  if ((await notifications.get(notificationId)) !== undefined) return;

  if (!(await send(channel, notificationId, message, recipient, context))) return;
  const { userId } = recipient;
  const whom = userId === undefined ? {} : { userId };
  const about = { notificationId, ...whom, channel, eventType, eventId };
  await publish(NotificationSent, about, 'sent');
  // Last of all, so that a record means that nothing is left to do.
  const words = channel === 'inbox' ? message : {};
  await notifications.update(
    notificationId,
    (now) => now ?? { ...about, ...words, status: 'sent', sentAt: isoTime(clock) },
  );
}
