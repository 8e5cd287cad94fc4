import { z } from 'zod';

const Channel = z.enum(['inbox', 'email', 'sms']);
export type Channel = z.infer<typeof Channel>;

/**
 * That somebody was told of an event by a channel. Written when it was: as long as it is there,
 * the event does not tell them again. What an email or a text message said is not in it, as that
 * has a name and an address.
 */
export const Notification = z.object({
  notificationId: z.string(),
  /** Absent where the shop's operators were told. */
  userId: z.string().optional(),
  channel: Channel,
  eventId: z.string(),
  eventType: z.string(),
  status: z.literal('sent'),
  /** The message, in the inbox only. */
  subject: z.string().optional(),
  text: z.string().optional(),
  sentAt: z.string(),
});
export type Notification = z.infer<typeof Notification>;

/** What is told, in words without anything personal. */
export interface Message {
  /** Says it all in a line: it is the whole of a text message. */
  subject: string;
  text: string;
}

export type Audience = { userId: string } | 'operators';

/** Who is told of an event, by which channels, in what words. */
export interface Telling<E> {
  to: (event: E) => Audience;
  channels: readonly Channel[];
  text: (event: E) => Message;
}

/** The user whom the event is about. */
export function user({ userId }: { userId: string }): Audience {
  return { userId };
}

/** Who runs the shops. */
export function operators(): Audience {
  return 'operators';
}

/** What goes out by email or as a text message. */
export interface Letter {
  notificationId: string;
  to: string;
  subject?: string;
  text: string;
}

export function email(
  notificationId: string,
  to: string,
  name: string,
  { subject, text }: Message,
): Letter {
  const greeting = name === '' ? 'Hello,' : `Hello ${name},`;
  return { notificationId, to, subject, text: `${greeting}\n\n${text}\n` };
}

export function textMessage(notificationId: string, to: string, { subject }: Message): Letter {
  return { notificationId, to, text: subject };
}
