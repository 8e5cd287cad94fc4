import type { EventMeta } from '#kit/messages/cloud-event';
import { isTransient } from '#kit/core/errors';
import { deterministicId } from '#kit/core/deterministic-id';
import { NotificationSent } from '#contracts/notification';
import { type Channel, type Telling, toldBy } from './domain';
import { Recipient } from './recipient';
import { send } from './send';
import type { Context } from './definition';

/**
 * Tells of an event by each of its channels, each on its own: one that fails keeps no other from
 * being used, and those that worked are not used again when the event comes again.
 *
 * The cost, as each order says four or five events that are heard here: one write for the inbox,
 * which knows its entries, one for each other channel, that it was used, and for those one call, to
 * ask where the user is reached. Besides, one event said for each.
 */
export async function notify<E>(
  telling: Telling<E>,
  event: E,
  meta: EventMeta,
  context: Context,
): Promise<void> {
  const { told } = context;
  const { channels } = telling;
  const recipient = new Recipient(telling.to(event), context);
  // the inbox knows by itself what is in it
  const hasMore = channels.some((channel) => channel !== 'inbox');
  const key = hasMore ? deterministicId(meta.source, meta.id) : '';
  const known = hasMore ? ((await told.get(key))?.channels ?? []) : [];
  const used = new Set<Channel>();
  const failures: unknown[] = [];
  let kept = 0;
  const keep = async () => {
    if (used.size > kept) await told.decide(key, (now) => toldBy(now, used));
    kept = used.size;
  };
  for (const channel of channels) {
    if (known.includes(channel)) continue;
    try {
      if (await tellBy(channel, recipient, telling.text(event), meta, context)) used.add(channel);
    } catch (error) {
      failures.push(error);
    }
    // no later, as the next channel may take its time; the inbox can wait for the one after it
    if (channel !== 'inbox') await keep();
  }
  if (hasMore) await keep();
  // what may work later decides: it brings the event again for all that has failed
  if (failures.length > 0) throw failures.find(isTransient) ?? failures[0];
}

/** False where the recipient has no address there. */
async function tellBy(
  channel: Channel,
  recipient: Recipient,
  message: { subject: string; text: string },
  { id: eventId, type: eventType, source }: EventMeta,
  context: Context,
): Promise<boolean> {
  // a hash, as it becomes the name of a file, and an event's id may be any text
  const notificationId = `ntf_${deterministicId(context.caller.tenantId, source, eventId, channel)}`;
  if (!(await send(channel, { notificationId, eventType, ...message }, recipient, context))) {
    return false;
  }
  const { userId } = recipient;
  const whom = userId === undefined ? {} : { userId };
  const about = { notificationId, ...whom, channel, eventType, eventId };
  await context.publish(NotificationSent, about, 'sent');
  return true;
}
