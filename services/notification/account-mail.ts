import type { EventMeta } from '#kit/messages/cloud-event';
import { deterministicId } from '#kit/core/deterministic-id';
import { Code, MicroserviceError } from '#kit/core/errors';
import { fromTimestamp } from '#kit/core/timestamps';
import type { EventData } from '#kit/messages/contract';
import { NotificationSent } from '#contracts/notification';
import type { AccountMailRequested } from '#contracts/user';
import type { Context } from './definition';
import { email, withChannels } from './domain';
import { sendBy } from './send';
import * as texts from './texts';

/**
 * Handles AccountMailRequested: sends the e-mail with a one-time token. The token is in neither the event
 * nor the inbox, and the user service returns it only as long as it is valid.
 */
export async function sendAccountMail(
  { userId, mailId }: EventData<typeof AccountMailRequested>,
  context: Context,
  { id: eventId, type: eventType, source }: EventMeta,
): Promise<void> {
  const { told: delivered, caller, publish } = context;
  const key = deterministicId(source, eventId);
  if ((await delivered.get(key))?.channels.includes('email') === true) return;
  const mail = await accountMail(userId, mailId, context);
  if (mail?.expiresAt === undefined) return;
  const text = texts.accountMail(mail.kind, mail.token, fromTimestamp(mail.expiresAt));
  const notificationId = `ntf_${deterministicId(caller.tenantId, source, eventId, 'email')}`;
  const unknown = { email: mail.email, name: '', emailVerified: false };
  await sendBy('email', email(notificationId, unknown, text), context);
  const sent = { notificationId, userId, channel: 'email', eventType, eventId } as const;
  await publish(NotificationSent, sent, 'sent');
  await delivered.decide(key, (now) => withChannels(now, new Set(['email'] as const)));
}

/** Undefined if the token was used, replaced or has expired. */
async function accountMail(userId: string, mailId: string, { user }: Context) {
  try {
    return await user.getAccountMail({ userId, mailId });
  } catch (error) {
    if (error instanceof MicroserviceError && error.code === Code.NOT_FOUND) return undefined;
    throw error;
  }
}
