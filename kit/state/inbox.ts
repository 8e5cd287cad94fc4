import { z } from 'zod';
import { Refusal } from '../core/errors';

// How a document remembers which changes were made to it.

/**
 * A day. What is given again because its process died comes when one is back, and on a broker that
 * keeps its place in a log, behind all that came before it; and so long does a client's
 * Idempotency-Key count.
 */
export const INBOX_SECONDS = 24 * 3600;
export const MAX_INBOX_ENTRIES = 64;

/**
 * A change that was made, or refused to a command: by which effect, when (epoch seconds), with what
 * outcome, and which of the document's changes it was.
 */
export const InboxEntry = z.object({
  by: z.string(),
  at: z.number(),
  sequence: z.int(),
  outcome: z.unknown().optional(),
  refusal: Refusal.optional(),
});
export type InboxEntry = z.infer<typeof InboxEntry>;

/** What a store keeps under a key: a document, and what is to be known about it. */
export const Envelope = z.object({
  /** Nothing where there is no document, and a command was refused for that. */
  data: z.unknown().optional(),
  sequence: z.number().int(),
  correlationId: z.string(),
  marks: z.array(InboxEntry),
  /**
   * When it goes by itself, in epoch seconds; 0 where it was to go and is kept after all. That is never
   * forgotten: each write takes the time to live away once more, as an earlier one may have failed to.
   */
  expires: z.int().optional(),
});
export type Envelope = z.infer<typeof Envelope>;

/** The marks that are kept, of all those that a document has got, the newest last; `at` in epoch seconds. */
export function pruneInbox(
  marks: readonly InboxEntry[],
  at: number,
): { marks: InboxEntry[]; /** How many were too many, though not too old. */ dropped: number } {
  const fresh = marks.filter((mark) => at - mark.at < INBOX_SECONDS);
  return {
    marks: fresh.slice(-MAX_INBOX_ENTRIES),
    dropped: Math.max(0, fresh.length - MAX_INBOX_ENTRIES),
  };
}
