import { z } from 'zod';

const Channel = z.enum(['inbox', 'email', 'sms']);
export type Channel = z.infer<typeof Channel>;

/** What a user was told, as it is in their inbox. */
export const Entry = z.object({
  /** The notification's. */
  id: z.string(),
  eventType: z.string(),
  subject: z.string(),
  text: z.string(),
  sentAt: z.string(),
});
export type Entry = z.infer<typeof Entry>;

/**
 * By which channels an event was told, where these are more than the inbox: as long as it is here,
 * they are not used again. What an email or a text message said is not kept, as that has a name and
 * an address.
 */
export const Told = z.object({ channels: z.array(Channel) });
export type Told = z.infer<typeof Told>;

/** Told by these channels too; what is there tells by itself that it was added. */
export function toldBy(now: Told | undefined, channels: ReadonlySet<Channel>) {
  const known = now?.channels ?? [];
  const all = [...new Set([...known, ...channels])];
  const document = now !== undefined && all.length === known.length ? now : { channels: all };
  return { document, outcome: undefined, selfIdempotent: true };
}

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
