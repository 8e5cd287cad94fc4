import { Code, MicroserviceError } from '#kit/core/errors';
import { isoTime } from '#kit/core/clock';
import {
  type Channel,
  type NotificationText,
  type OutgoingMessage,
  email,
  textMessage,
} from './domain';
import { asLine } from '#retail/text';
import type { Recipient } from './recipient';
import type { Context } from './definition';

/**
 * Sends a notification by a channel. Returns false if the recipient has no address for it. A repeat
 * with the same notification id is the same inbox entry, or the same file or message at the binding.
 */
export async function send(
  channel: Channel,
  notification: NotificationText & { notificationId: string; eventType: string },
  recipient: Recipient,
  context: Context,
): Promise<boolean> {
  const { notificationId: id, eventType, subject, text } = notification;
  switch (channel) {
    case 'inbox': {
      if (recipient.userId === undefined) return false;
      const sentAt = isoTime(context.clock);
      await context.feeds.inbox.add(recipient.userId, {
        id,
        eventType,
        subject: asLine(subject),
        text,
        sentAt,
      });
      return true;
    }
    case 'email': {
      const contact = await recipient.contact();
      if (contact === undefined) return false;
      await sendBy('email', email(id, contact, notification), context);
      return true;
    }
    case 'sms': {
      const phone = await recipient.phone();
      if (phone === undefined || phone === '') return false;
      await sendBy('sms', textMessage(id, phone, notification), context);
      return true;
    }
  }
}

export async function sendBy(
  binding: 'email' | 'sms',
  message: OutgoingMessage,
  { bindings }: Context,
): Promise<void> {
  try {
    await bindings[binding].send('create', message, { fileName: `${message.notificationId}.json` });
  } catch (error) {
    // a mail server often repeats the address in its error, and addresses must not be logged
    const code = error instanceof MicroserviceError ? error.code : Code.UNAVAILABLE;
    throw new MicroserviceError(`${binding} could not be sent`, code);
  }
}
