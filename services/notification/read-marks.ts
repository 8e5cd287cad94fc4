import { z } from 'zod';
import { accountOf } from '#kit/core/caller';
import { Code, MicroserviceError, notFound } from '#kit/core/errors';
import { Id, validate } from '#kit/core/validation';
import type { MarkReadRequest } from '#proto/retail/notification/v1/notification_pb';
import type { Context } from './definition';
import { NO_MARKS, UNREAD_WINDOW, unreadCount, withRead, withReadThrough } from './domain';

/** Notifications that are read at a time to find one. */
const PAGE = 100;

const OneNotification = z.object({ notificationId: Id });

/** Returns how many of the caller's notifications are unread. */
export async function countUnread(_request: unknown, context: Context) {
  const userId = requireUser(context);
  // the marks come first: a notification that arrives in between is counted as unread
  const marks = (await context.reads.get(userId)) ?? NO_MARKS;
  const { total } = await context.feeds.inbox.page(userId, 1, 1);
  return { unread: unreadCount(marks, total) };
}

/** Marks one of the caller's notifications as read. Throws NOT_FOUND for any other. */
export async function markRead(request: MarkReadRequest, context: Context) {
  const userId = requireUser(context);
  const { notificationId } = validate(OneNotification, request);
  const { position, total } = await find(userId, notificationId, context);
  const marks = await context.reads.update(userId, (now = NO_MARKS) =>
    withRead(now, position, total),
  );
  return { unread: unreadCount(marks, total) };
}

/** Marks everything that is in the caller's inbox as read. What arrives later is unread. */
export async function markAllRead(_request: unknown, context: Context) {
  const userId = requireUser(context);
  const { total } = await context.feeds.inbox.page(userId, 1, 1);
  const marks = await context.reads.update(userId, (now = NO_MARKS) => withReadThrough(now, total));
  return { unread: unreadCount(marks, total) };
}

/** The user whose inbox the caller sees. Throws UNAUTHENTICATED. */
export function requireUser({ caller }: Context): string {
  if (caller.userId !== '') return accountOf(caller);
  throw new MicroserviceError('Sign in to see your notifications.', Code.UNAUTHENTICATED);
}

/** The position of a notification in the inbox, and the number of notifications. */
async function find(userId: string, id: string, { feeds }: Context) {
  for (let page = 1, left = UNREAD_WINDOW; left > 0; page++, left -= PAGE) {
    const { items, total } = await feeds.inbox.page(userId, page, PAGE);
    const index = items.findIndex((item) => item.id === id);
    if (index >= 0) return { position: total - (page - 1) * PAGE - index, total };
    if (items.length < PAGE) break;
  }
  throw notFound('notification');
}
