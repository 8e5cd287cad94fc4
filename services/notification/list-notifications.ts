import { toTimestamp } from '#kit/core/timestamps';
import { PageRequest, validate } from '#kit/core/validation';
import type { ListNotificationsRequest } from '#proto/retail/notification/v1/notification_pb';
import { type InboxNotification, NO_MARKS, isRead } from './domain';
import type { Context } from './definition';
import { requireUser } from './read-marks';

/** Returns a page of the caller's inbox, newest first. */
export async function listNotifications(request: ListNotificationsRequest, context: Context) {
  const userId = requireUser(context);
  const { page, limit } = validate(PageRequest, request);
  // the marks come first: a notification that arrives in between is not counted as read
  const marks = (await context.reads.get(userId)) ?? NO_MARKS;
  const { items, total } = await context.feeds.inbox.page(userId, page, limit);
  const newest = total - (page - 1) * limit;
  return {
    items: items.map((item, index) => toMessage(item, isRead(marks, newest - index, total))),
    page,
    limit,
    total,
  };
}

function toMessage(
  { id: notificationId, subject, text, eventType, sentAt }: InboxNotification,
  read: boolean,
) {
  return {
    notificationId,
    channel: 'inbox',
    subject,
    text,
    eventType,
    sentAt: toTimestamp(sentAt),
    read,
  };
}
