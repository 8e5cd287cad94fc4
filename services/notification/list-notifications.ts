import { toTimestamp } from '#kit/core/timestamps';
import { Code, MicroserviceError } from '#kit/core/errors';
import { PageRequest, validate } from '#kit/core/validation';
import type { ListNotificationsRequest } from '#proto/retail/notification/v1/notification_pb';
import type { InboxNotification } from './domain';
import type { Context } from './definition';

/** Returns a page of the caller's inbox, newest first. */
export async function listNotifications(request: ListNotificationsRequest, context: Context) {
  const { userId } = context.caller;
  if (userId === '')
    throw new MicroserviceError('Sign in to see your notifications.', Code.UNAUTHENTICATED);
  const { page, limit } = validate(PageRequest, request);
  const { items, total } = await context.feeds.inbox.page(userId, page, limit);
  return { items: items.map(toMessage), page, limit, total };
}

function toMessage({ id: notificationId, subject, text, eventType, sentAt }: InboxNotification) {
  return {
    notificationId,
    channel: 'inbox',
    subject,
    text,
    eventType,
    sentAt: toTimestamp(sentAt),
  };
}
