import type { EventMeta } from '#kit/messages/cloud-event';
import { isTransient } from '#kit/core/errors';
import { deterministicId } from '#kit/core/deterministic-id';
import { NotificationSent } from '#contracts/notification';
import { type Channel, type NotificationRule, type NotificationText, withChannels } from './domain';
import { Recipient } from './recipient';
import { send } from './send';
import type { Context } from './definition';

/**
 * Notifies of an event by each channel of the rule. The channels are independent: a channel that
 * fails does not stop the others, and a redelivery of the event skips the channels that succeeded.
 *
 * The cost matters, because each order publishes four or five events that are handled here. An event
 * takes one write for the inbox, which deduplicates by itself; one write for each other channel, to
 * record that it was used; one call to look up the user's contact, if there is another channel; and
 * one published event for each channel.
 */
export async function notify<E>(
  rule: NotificationRule<E>,
  event: E,
  meta: EventMeta,
  context: Context,
): Promise<void> {
  const { told: delivered } = context;
  const { channels } = rule;
  const recipient = new Recipient(rule.to(event), context);
  // the inbox deduplicates by itself, so that it needs no record
  const hasMore = channels.some((channel) => channel !== 'inbox');
  const key = hasMore ? deterministicId(meta.source, meta.id) : '';
  const known = hasMore ? ((await delivered.get(key))?.channels ?? []) : [];
  const used = new Set<Channel>();
  const failures: unknown[] = [];
  let recorded = 0;
  const record = async () => {
    if (used.size > recorded) await delivered.decide(key, (now) => withChannels(now, used));
    recorded = used.size;
  };
  for (const channel of channels) {
    if (known.includes(channel)) continue;
    try {
      if (await notifyBy(channel, recipient, rule.text(event), meta, context)) used.add(channel);
    } catch (error) {
      failures.push(error);
    }
    // recorded now, because the next channel may be slow; the inbox is recorded with the next one
    if (channel !== 'inbox') await record();
  }
  if (hasMore) await record();
  // a transient failure comes first: its redelivery retries every channel that failed
  if (failures.length > 0) throw failures.find(isTransient) ?? failures[0];
}

/** Returns false if the recipient has no address for the channel. */
async function notifyBy(
  channel: Channel,
  recipient: Recipient,
  text: NotificationText,
  { id: eventId, type: eventType, source }: EventMeta,
  context: Context,
): Promise<boolean> {
  // a hash, because the id becomes a file name and an event id may contain any character
  const notificationId = `ntf_${deterministicId(context.caller.tenantId, source, eventId, channel)}`;
  if (!(await send(channel, { notificationId, eventType, ...text }, recipient, context))) {
    return false;
  }
  const { userId } = recipient;
  await context.publish(
    NotificationSent,
    { notificationId, ...(userId === undefined ? {} : { userId }), channel, eventType, eventId },
    'sent',
  );
  return true;
}
