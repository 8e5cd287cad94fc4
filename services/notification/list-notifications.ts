import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { Code, MicroserviceError } from '#kit/errors';
import { PageRequest, checked } from '#kit/validate';
import type { ListNotificationsRequest } from '#proto/retail/notification/v1/notification_pb';
import type { Notification } from './domain';
import type { Context } from './service';

/** The caller's inbox, newest first. */
export async function listNotifications(request: ListNotificationsRequest, context: Context) {
  const { userId } = context.caller;
  if (userId === '')
    throw new MicroserviceError('an inbox belongs to a user', Code.UNAUTHENTICATED);
  const { page, limit } = checked(PageRequest, request);
  const { ids, total } = await context.lists.inbox.page(userId, page, limit);
  const found = await Promise.all(ids.map((id) => context.notifications.get(id)));
  // one that is listed but not recorded is being worked on this moment
  const items = found.filter((item) => item !== undefined).map(toMessage);
  return { items, page, limit, total };
}

function toMessage({ notificationId, channel, subject, text, eventType, sentAt }: Notification) {
  return {
    notificationId,
    channel,
    subject: subject ?? '',
    text: text ?? '',
    eventType,
    sentAt: timestampFromDate(new Date(sentAt)),
  };
}
