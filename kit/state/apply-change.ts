import type { z } from 'zod';
import { laterTime } from '../core/clock';
import { type MicroserviceError, refusalError, refusalOf } from '../core/errors';
import type { MadeChange } from '../core/execution';
import { type Envelope, type InboxEntry, pruneInbox } from './inbox';

/** The result of `Store.decide`: the document after the change, and the outcome that it decided. */
export interface Decision<T, O> {
  document: T;
  outcome: O;
  /**
   * Whether the changed document itself shows that the change was made: repeating the change returns
   * the same document and the same outcome. It skips the inbox entry, so that hot documents do not grow.
   */
  selfIdempotent?: boolean;
}

/** A document as it was read. */
export interface LoadedDocument<T> {
  readonly envelope: Envelope;
  readonly etag: string;
  readonly document: T | undefined;
}

/** The result of applying a change. */
export interface AppliedChange<T, O> {
  /** An error if the command was refused, now or in an earlier delivery. */
  readonly result: Decision<T, O> | MicroserviceError;
  /** The sequence that events about this change carry. */
  readonly sequence: number;
  /** The envelope to write; undefined if there is nothing to write. */
  readonly next?: Envelope;
  /** The record of the change, if it was made now or earlier and has an inbox entry. */
  readonly made?: MadeChange;
  /** How many inbox entries were dropped before they expired. */
  readonly dropped: number;
}

/** The inputs of a change besides the document. */
export interface ChangeContext<T> {
  readonly schema: z.ZodType<T>;
  /** Epoch seconds. */
  readonly now: number;
  readonly correlationId: string;
  /** Whether a refusal is final, and so stored: see Execution. */
  readonly reportsRefusal: boolean;
  /** The record of this change, if an earlier attempt of the same work is known to have made it. */
  readonly made?: MadeChange | undefined;
}

/** The value of `Envelope.expires` of a document whose expiry was cleared. */
const CLEARED = 0;

/**
 * Applies a change to a document, without I/O. If the inbox has an entry for `changeId`, the change is
 * not run: the result is that of the first delivery. Otherwise runs it and adds an entry. Throws what
 * the change throws, unless it is a refusal to be stored.
 */
export function applyChange<T, O>(
  loaded: LoadedDocument<T> | undefined,
  changeId: string,
  change: (current: T | undefined) => Decision<T, O>,
  context: ChangeContext<T>,
): AppliedChange<T, O> {
  const entry: InboxEntry | undefined =
    loaded?.envelope.marks.find(({ by }) => by === changeId) ?? context.made;
  if (entry?.refusal !== undefined) {
    return { result: refusalError(entry.refusal), sequence: entry.sequence, dropped: 0 };
  }
  const unexpiring = loaded && withoutExpiry(loaded.envelope);
  const unchanged = unexpiring === undefined ? { dropped: 0 } : { next: unexpiring, dropped: 0 };
  if (loaded?.document !== undefined && entry !== undefined) {
    // the outcome was written by this same change, so it has this change's type
    const result = { document: loaded.document, outcome: entry.outcome as O };
    // an event about this change carries its own sequence, not that of a later change
    return { result, sequence: entry.sequence, made: entry, ...unchanged };
  }
  const before = loaded?.envelope.sequence ?? 0;
  let decision: Decision<T, O>;
  try {
    decision = change(loaded?.document);
  } catch (error) {
    const refusal = refusalOf(error);
    if (!context.reportsRefusal || refusal === undefined) throw error;
    // The refusal is returned to the caller, so a redelivery must not succeed.
    const refusedEntry = { by: changeId, at: context.now, sequence: before, refusal };
    const { next, dropped } = nextEnvelope(
      loaded?.envelope,
      loaded?.envelope.data,
      before,
      refusedEntry,
      context,
    );
    return { result: refusalError(refusal), sequence: before, next, dropped };
  }
  const { outcome, selfIdempotent = false } = decision;
  if (loaded !== undefined && decision.document === loaded.document) {
    return { result: decision, sequence: before, ...unchanged };
  }
  const document = withLaterTime(decision.document, loaded?.document);
  const sequence = before + 1;
  const changeEntry = selfIdempotent
    ? undefined
    : { by: changeId, at: context.now, sequence, outcome };
  const { next, dropped } = nextEnvelope(
    loaded?.envelope,
    context.schema.parse(document),
    sequence,
    changeEntry,
    context,
  );
  const made = changeEntry === undefined ? {} : { made: changeEntry };
  return { result: { ...decision, document }, sequence, next, dropped, ...made };
}

/**
 * The changed document with an `updatedAt`, if documents of its kind have one, that is later than before:
 * clients compare it to learn whether a record has changed (kit/core/precondition.ts). A change within a
 * millisecond, by a replica whose clock is behind, or that sets no time, gets the next millisecond.
 */
function withLaterTime<T>(document: T, before: T | undefined): T {
  const at = updatedAtOf(document);
  const earlier = updatedAtOf(before);
  if (at === undefined || earlier === undefined) return document;
  const updatedAt = laterTime(at, earlier);
  // a document of the same type: it has the field, and this is a time as well
  return updatedAt === at ? document : ({ ...(document as object), updatedAt } as T);
}

/** The `updatedAt` of a document; undefined if it has none. */
function updatedAtOf(document: unknown): string | undefined {
  if (typeof document !== 'object' || document === null) return undefined;
  if (!('updatedAt' in document) || typeof document.updatedAt !== 'string') return undefined;
  return document.updatedAt;
}

function nextEnvelope(
  previous: Envelope | undefined,
  data: unknown,
  sequence: number,
  entry: InboxEntry | undefined,
  { now, correlationId }: ChangeContext<unknown>,
): { next: Envelope; dropped: number } {
  const marks = previous?.marks ?? [];
  const { entries, dropped } = pruneInbox(entry === undefined ? marks : [...marks, entry], now);
  const next: Envelope = { data, sequence, correlationId, marks: entries };
  if (previous?.expires !== undefined) next.expires = CLEARED;
  return { next, dropped };
}

/** The envelope with its expiry cleared; undefined if it never had one. */
export function withoutExpiry(envelope: Envelope): Envelope | undefined {
  return envelope.expires === undefined ? undefined : { ...envelope, expires: CLEARED };
}

/**
 * The seconds until a document expires, at least 1; undefined if it never had an expiry, 0 if it
 * was cleared.
 */
export function secondsToLive({ expires }: Envelope, nowMs: number): number | undefined {
  if (expires === undefined || expires === CLEARED) return expires;
  return Math.max(1, Math.ceil(expires - nowMs / 1000));
}
