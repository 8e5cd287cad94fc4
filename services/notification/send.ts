import { Code, MicroserviceError } from '#kit/errors';
import { type Channel, type Letter, type Message, email, textMessage } from './domain';
import type { Recipient } from './recipient';
import type { Context } from './service';

/**
 * Sends by a channel; false where the recipient has no address there. The same notification sent
 * again is the same entry of the inbox, and the same file or message at the binding.
 */
export async function send(
  channel: Channel,
  notificationId: string,
  message: Message,
  recipient: Recipient,
  context: Context,
): Promise<boolean> {
  switch (channel) {
    case 'inbox': {
      if (recipient.userId === undefined) return false;
      await context.lists.inbox.add(recipient.userId, notificationId);
      return true;
    }
    case 'email': {
      const contact = await recipient.contact();
      if (contact === undefined) return false;
      await post('email', email(notificationId, contact.email, contact.name, message), context);
      return true;
    }
    case 'sms': {
      const phone = await recipient.phone();
      if (phone === undefined || phone === '') return false;
      await post('sms', textMessage(notificationId, phone, message), context);
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
