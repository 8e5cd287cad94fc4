import { z } from 'zod';
import { Refusal } from '../core/errors';

/**
 * How long a document keeps an inbox entry: two days. An event may be retried for a day, and be a
 * redelivery of a broker that was down before. A client's Idempotency-Key is valid for a day.
 */
export const INBOX_SECONDS = 48 * 3600;
export const MAX_INBOX_ENTRIES = 64;

/**
 * The record of one change that was made to a document, or refused to a command. It is stored, so the
 * field names must not change.
 */
export const InboxEntry = z.object({
  /** The id of the change. */
  by: z.string(),
  /** Epoch seconds. */
  at: z.number(),
  /** The sequence of the document after the change. */
  sequence: z.int(),
  /** What `decide` returned for the change: small JSON. */
  outcome: z.unknown().optional(),
  refusal: Refusal.optional(),
});
export type InboxEntry = z.infer<typeof InboxEntry>;

/** An inbox entry of a change that was made, as a parked event keeps it. */
export const MadeChange = InboxEntry.omit({ refusal: true });

/** The stored value of a key: a document with its bookkeeping. The field names must not change. */
export const Envelope = z.object({
  /** The document. Absent if there is none, but a command was refused because of that. */
  data: z.unknown().optional(),
  /** The number of changes made to the document. */
  sequence: z.number().int(),
  /** Of the last change. */
  correlationId: z.string(),
  /** The inbox entries, newest last. */
  marks: z.array(InboxEntry),
  /**
   * When the document expires, in epoch seconds; 0 if its expiry was cleared; absent if it never had one.
   * The 0 stays: every later write clears the expiry in the store again, because an earlier attempt may
   * have failed between writing the value and clearing the expiry.
   */
  expires: z.int().optional(),
});
export type Envelope = z.infer<typeof Envelope>;

/** The entries to keep, newest last. `now` is in epoch seconds. */
export function pruneInbox(
  entries: readonly InboxEntry[],
  now: number,
): {
  entries: InboxEntry[];
  /** How many entries did not fit, although they had not expired. */ dropped: number;
} {
  const fresh = entries.filter((entry) => now - entry.at < INBOX_SECONDS);
  return {
    entries: fresh.slice(-MAX_INBOX_ENTRIES),
    dropped: Math.max(0, fresh.length - MAX_INBOX_ENTRIES),
  };
}
