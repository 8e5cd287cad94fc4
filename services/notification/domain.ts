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
 * Which notifications a user has read. The position of a notification counts from 1 for the oldest; the inbox
 * only grows, so that it never changes.
 */
export const ReadMarks = z.object({
  /** Everything up to this position is read. */
  through: z.int().nonnegative(),
  /** What is read beyond it, in ascending order. */
  positions: z.array(z.int()),
});
export type ReadMarks = z.infer<typeof ReadMarks>;

/** Older notifications count as read, so that the marks have a bounded size. */
export const UNREAD_WINDOW = 1_000;

/** The position up to which everything is read, with `total` notifications in the inbox. */
function floorOf({ through }: ReadMarks, total: number): number {
  return Math.max(through, total - UNREAD_WINDOW);
}

export const NO_MARKS: ReadMarks = { through: 0, positions: [] };

export function isRead(marks: ReadMarks, position: number, total: number): boolean {
  return position <= floorOf(marks, total) || marks.positions.includes(position);
}

export function unreadCount(marks: ReadMarks, total: number): number {
  const floor = floorOf(marks, total);
  return total - floor - marks.positions.filter((position) => position > floor).length;
}

/** Marks one notification as read. The same marks if it is. */
export function withRead(marks: ReadMarks, position: number, total: number): ReadMarks {
  if (isRead(marks, position, total)) return marks;
  return compacted(marks, [...marks.positions, position], total);
}

/** Marks everything up to a position as read. The same marks if it is. */
export function withReadThrough(marks: ReadMarks, through: number): ReadMarks {
  if (through <= marks.through) return marks;
  return compacted({ ...marks, through }, marks.positions, through);
}

/** Positions that follow the floor without a gap become a part of it. */
function compacted(marks: ReadMarks, positions: readonly number[], total: number): ReadMarks {
  let through = floorOf(marks, total);
  const left = positions.filter((each) => each > through).sort((a, b) => a - b);
  while (left[0] === through + 1) {
    left.shift();
    through++;
  }
  return { through, positions: left };
}

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
