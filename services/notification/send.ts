import { Code, MicroserviceError } from '#kit/core/errors';
import { isoTime } from '#kit/core/clock';
import { type Channel, type Letter, type Message, email, textMessage } from './domain';
import type { Recipient } from './recipient';
import type { Context } from './definition';

/**
 * Sends by a channel; false where the recipient has no address there. The same notification sent
 * again is the same entry of the inbox, and the same file or message at the binding.
 */
export async function send(
  channel: Channel,
  message: Message & { notificationId: string; eventType: string },
  recipient: Recipient,
  context: Context,
): Promise<boolean> {
  const { notificationId: id, eventType, subject, text } = message;
  switch (channel) {
    case 'inbox': {
      if (recipient.userId === undefined) return false;
      const sentAt = isoTime(context.clock);
      await context.feeds.inbox.add(recipient.userId, { id, eventType, subject, text, sentAt });
      return true;
    }
    case 'email': {
      const contact = await recipient.contact();
      if (contact === undefined) return false;
      await post('email', email(id, contact.email, contact.name, message), context);
      return true;
    }
    case 'sms': {
      const phone = await recipient.phone();
      if (phone === undefined || phone === '') return false;
      await post('sms', textMessage(id, phone, message), context);
      return true;
    }
  }
}

async function post(binding: 'email' | 'sms', letter: Letter, { bindings }: Context) {
  try {
    await bindings[binding].send('create', letter, { fileName: `${letter.notificationId}.json` });
  } catch (error) {
    // what a mail server says often repeats the address, which must not get into a log
    const code = error instanceof MicroserviceError ? error.code : Code.UNAVAILABLE;
    throw new MicroserviceError(`${binding} could not be sent`, code);
  }
}
