import { z } from 'zod';
import { asLine } from '#retail/text';

const Channel = z.enum(['inbox', 'email', 'sms']);
export type Channel = z.infer<typeof Channel>;

/** A notification in the inbox of its user. */
export const InboxNotification = z.object({
  /** The notification id. */
  id: z.string(),
  eventType: z.string(),
  subject: z.string(),
  text: z.string(),
  sentAt: z.string(),
});
export type InboxNotification = z.infer<typeof InboxNotification>;

/**
 * The channels by which the notification of an event was delivered. They are not used again for
 * this event. Stored only for events with more channels than the inbox. The texts of e-mails and
 * text messages are not stored, because they contain a name and an address.
 */
export const DeliveredChannels = z.object({ channels: z.array(Channel) });
export type DeliveredChannels = z.infer<typeof DeliveredChannels>;

/** Adds channels. Self-idempotent, because the document contains the added channels. */
export function withChannels(now: DeliveredChannels | undefined, added: ReadonlySet<Channel>) {
  const known = now?.channels ?? [];
  const all = [...new Set([...known, ...added])];
  const document = now !== undefined && all.length === known.length ? now : { channels: all };
  return { document, outcome: undefined, selfIdempotent: true };
}

/** The text of a notification. It contains no personal data. */
export interface NotificationText {
  /** Complete in itself: a text message consists of the subject only. */
  subject: string;
  text: string;
}

export type Audience = { userId: string } | 'operators';

/** Who is notified of an event, by which channels, with which text. */
export interface NotificationRule<E> {
  to: (event: E) => Audience;
  channels: readonly Channel[];
  text: (event: E) => NotificationText;
}

/** The user that the event is about. */
export function user({ userId }: { userId: string }): Audience {
  return { userId };
}

/** The operators of the shops. */
export function operators(): Audience {
  return 'operators';
}

/** The payload for the e-mail or SMS binding. */
export interface OutgoingMessage {
  notificationId: string;
  to: string;
  subject?: string;
  text: string;
}

/** Who receives an e-mail. */
export interface Contact {
  /** Empty: unknown. */
  name: string;
  email: string;
  /** Whether the user has proved to receive e-mails at the address. */
  emailVerified: boolean;
  phone?: string | undefined;
}

/**
 * Greets the reader by name only at an address that is verified: anyone can create an account with the
 * address of another person, and with a name that is a message to that person.
 */
export function email(
  notificationId: string,
  { email: to, name, emailVerified }: Contact,
  { subject, text }: NotificationText,
): OutgoingMessage {
  const greeting = name === '' || !emailVerified ? 'Hello,' : `Hello ${name},`;
  return { notificationId, to, subject: asLine(subject), text: `${greeting}\n\n${text}\n` };
}

export function textMessage(
  notificationId: string,
  to: string,
  { subject }: NotificationText,
): OutgoingMessage {
  return { notificationId, to, text: asLine(subject) };
}
