import { z } from 'zod';
import type { Clock } from '../core/clock';
import { Code, MicroserviceError, notFound, refusalError, refusalOf } from '../core/errors';
import { type Execution } from '../core/execution';
import { deterministicId } from '../core/deterministic-id';
import { KeyedMutex } from '../core/keyed-mutex';
import { Envelope, type InboxEntry, pruneInbox } from './inbox';
import { NO_EXPIRY, SIDECAR_TIMEOUT_MS, type Sidecar } from '../transport/sidecar';

/** The documents of one kind that a service owns, each under its id. */
export interface Store<T> {
  get(key: string): Promise<T | undefined>;
  /** As get; NOT_FOUND where there is none. */
  getOrThrow(key: string): Promise<T>;
  /**
   * Reads, changes, writes; again where somebody else wrote in between. `change` is pure: it gets
   * the document or undefined, returns what it shall be, and throws to refuse. Returning the same
   * object writes nothing. A redelivery changes nothing and gets what the first delivery left; a
   * command that was refused is refused again, whatever the document has become. The changes of one document in one handling are told apart by their order, so none but the last may
   * stand behind a condition that could be another one in a redelivery.
   */
  update(key: string, change: (current: T | undefined) => T): Promise<T>;
  /**
   * As update, where the handler must know what was decided: the outcome (small JSON) is kept
   * with the change, and a redelivery gets the first delivery's. `fact` is for a change that can
   * come about only once, as in publish: whoever finds it done, under whatever cause, gets what was
   * decided, and can say it in the stead of a process that was not able to.
   */
  decide<O>(
    key: string,
    change: (current: T | undefined) => Decision<T, O>,
    fact?: string,
  ): Promise<Decision<T, O>>;
  /**
   * Lets a document go by itself after so many seconds, if `when` says so of what it is by then. Any
   * change after that, also one that comes to nothing, keeps it for good, as `keep` does. For what may
   * never be wanted again: whoever does more with it than to change it, keeps it first.
   */
  expireIfAbandoned(key: string, seconds: number, when: (current: T) => boolean): Promise<void>;
  /** Keeps a document that was to go by itself. Of any other there is nothing to write. */
  clearExpiry(key: string): Promise<void>;
  /** Deletes, whatever it was. */
  delete(key: string): Promise<void>;
}

export interface Decision<T, O> {
  document: T;
  outcome: O;
  /**
   * The document as changed tells by itself that this was done: the same change made on it again
   * comes to nothing, and to the same outcome. So no mark is kept, which documents that change all
   * the time would grow by.
   */
  selfIdempotent?: boolean;
}

/** A document as it was read. */
interface Found<T> {
  readonly envelope: Envelope;
  readonly etag: string;
  readonly document: T | undefined;
}

/** What a change came to; `next` is what is to be written, if anything is. */
interface Made<T, O> {
  /** An error where a command was refused, now or by an earlier delivery. */
  readonly decided: Decision<T, O> | MicroserviceError;
  readonly sequence: number;
  readonly next?: Envelope;
}

/** Letters that tell the effects of one cause apart: 48 bits, as every mark goes with its document. */
const EFFECT_LENGTH = 8;
const TRIES = 8;

/** What is counted about documents. */
export interface DocumentMetrics {
  conflict(store: string): void;
  inboxEntryDropped(store: string): void;
}

export interface OpenOptions {
  /** What is changed: then it is made once for each document, however often it is tried. */
  effectName?: string | undefined;
}

/** Shared by all handlings of a process. */
export class DocumentStore {
  readonly #queue = new KeyedMutex();

  constructor(
    private readonly sidecar: Sidecar,
    private readonly clock: Clock,
    private readonly random: () => number,
    private readonly meter: DocumentMetrics,
  ) {}

  /**
   * The documents of one kind, as one handling sees and changes them. A change is known again by
   * its place among the handling's changes of that document, or by the effect that is named here.
   */
  open<T>(
    name: string,
    schema: z.ZodType<T>,
    execution: Execution,
    { effectName }: OpenOptions = {},
  ): Store<T> {
    const { tenantId } = execution.callContext.caller;
    const stateKey = (key: string) => `${name}:${tenantId}:${key}`;
    const read = (value: unknown, key: string): T => {
      const parsed = schema.safeParse(value);
      if (parsed.success) return parsed.data;
      throw new MicroserviceError(
        `document ${stateKey(key)} is not of its schema: ${z.prettifyError(parsed.error)}`,
        Code.DATA_LOSS,
      );
    };
    const load = async (key: string): Promise<Found<T> | undefined> => {
      execution.assertBeforeDeadline();
      const loaded = await this.sidecar.load(
        stateKey(key),
        execution.remainingMs(SIDECAR_TIMEOUT_MS),
      );
      if (loaded === undefined) return undefined;
      const envelope = Envelope.parse(loaded.value);
      execution.noteSequence(key, envelope.sequence);
      return {
        envelope,
        etag: loaded.etag,
        document: envelope.data === undefined ? undefined : read(envelope.data, key),
      };
    };

    const seen = new Map<string, Found<T> | undefined>();
    const get = async (key: string) => {
      const found = await load(key);
      seen.set(key, found);
      return found?.document;
    };

    const make = <O>(
      found: Found<T> | undefined,
      by: string,
      change: (current: T | undefined) => Decision<T, O>,
    ): Made<T, O> => {
      const mark = found?.envelope.marks.find((done) => done.by === by);
      if (mark?.refusal !== undefined) {
        return { decided: refusalError(mark.refusal), sequence: mark.sequence };
      }
      const lasting = found && kept(found.envelope);
      const asItIs = lasting === undefined ? {} : { next: lasting };
      if (found?.document !== undefined && mark !== undefined) {
        // the outcome was written by this same change, so it has this change's type
        const decided = { document: found.document, outcome: mark.outcome as O };
        // what is said of this change comes with its own number, not with that of a later one
        return { decided, sequence: mark.sequence, ...asItIs };
      }
      const before = found?.envelope.sequence ?? 0;
      const next = (
        sequence: number,
        data: unknown,
        made?: Pick<InboxEntry, 'outcome' | 'refusal'>,
      ) => {
        const at = Math.floor(this.clock.now() / 1000);
        const added = made === undefined ? [] : [{ by, at, sequence, ...made }];
        const { marks, dropped } = pruneInbox([...(found?.envelope.marks ?? []), ...added], at);
        for (let left = dropped; left > 0; left--) this.meter.inboxEntryDropped(name);
        const { correlationId } = execution.callContext;
        return { data, sequence, correlationId, marks, ...(lasting && { expires: KEPT }) };
      };
      let decided: Decision<T, O>;
      try {
        decided = change(found?.document);
      } catch (error) {
        const refusal = refusalOf(error);
        if (!execution.reportsRefusal || refusal === undefined) throw error;
        // Whoever has asked is told so: a redelivery may not find that it can be done.
        const kept = next(before, found?.envelope.data, { refusal });
        return { decided: refusalError(refusal), sequence: before, next: kept };
      }
      const { document, outcome, selfIdempotent = false } = decided;
      if (found !== undefined && document === found.document) {
        return { decided, sequence: before, ...asItIs };
      }
      const changed = next(
        before + 1,
        schema.parse(document),
        selfIdempotent ? undefined : { outcome },
      );
      return { decided, sequence: before + 1, next: changed };
    };

    /** False where somebody else wrote first. */
    const write = async (key: string, next: Envelope, etag: string | undefined) => {
      execution.assertBeforeDeadline();
      const timeout = execution.remainingMs(SIDECAR_TIMEOUT_MS);
      const seconds = secondsOf(next, execution.now);
      const written = await this.sidecar.save(stateKey(key), next, etag, timeout, seconds);
      if (!written) this.meter.conflict(name);
      return written;
    };

    /**
     * Makes the change on what this handling has read already: a write that goes through proves
     * that it still was so. Where that comes to no write, only a new reading can tell.
     */
    const changeSeen = async <O>(
      key: string,
      by: string,
      change: (current: T | undefined) => Decision<T, O>,
    ): Promise<Made<T, O> | undefined> => {
      if (!seen.has(key)) return undefined;
      const found = seen.get(key);
      seen.delete(key);
      let made: Made<T, O>;
      try {
        made = make(found, by, change);
      } catch {
        return undefined;
      }
      const { next } = made;
      return next !== undefined && (await write(key, next, found?.etag)) ? made : undefined;
    };

    const byOf = (key: string, fact: string | undefined): string => {
      if (fact !== undefined) return `fact#${deterministicId(fact)}`;
      const which =
        effectName === undefined
          ? String(execution.effectIndex(`change ${stateKey(key)}`))
          : deterministicId(effectName).slice(0, EFFECT_LENGTH);
      return `${execution.callContext.id}#${which}`;
    };

    const decide = async <O>(
      key: string,
      change: (current: T | undefined) => Decision<T, O>,
      fact?: string,
    ) => {
      const by = byOf(key, fact);
      return this.#queue.run(stateKey(key), async () => {
        let made = await changeSeen(key, by, change);
        for (let tries = 0; made === undefined && tries < TRIES; tries++) {
          const found = await load(key);
          const tried = make(found, by, change);
          const { next } = tried;
          if (next === undefined || (await write(key, next, found?.etag))) made = tried;
          else await this.clock.sleep(this.random() * 10 * 2 ** tries);
        }
        if (made === undefined) {
          throw contended(name, key);
        }
        if (made.decided instanceof MicroserviceError) throw made.decided;
        execution.noteSequence(key, made.sequence);
        return made.decided;
      });
    };

    /** Writes a document as it is, but for how long it lives. */
    const rewrite = (key: string, change: (found: Found<T>) => Envelope | undefined) =>
      this.#queue.run(stateKey(key), async () => {
        for (let tries = 0; tries < TRIES; tries++) {
          const found = seen.has(key) ? seen.get(key) : await load(key);
          const next = found && change(found);
          if (next === undefined) return;
          seen.delete(key);
          if (await write(key, next, found?.etag)) return;
          await this.clock.sleep(this.random() * 10 * 2 ** tries);
        }
        throw contended(name, key);
      });

    return {
      get,
      getOrThrow: async (key) => {
        const document = await get(key);
        if (document === undefined) throw notFound(name);
        return document;
      },
      update: async (key, change) => {
        const decided = await decide(key, (current) => ({
          document: change(current),
          outcome: undefined,
        }));
        return decided.document;
      },
      decide,
      expireIfAbandoned: async (key, seconds, when) => {
        seen.delete(key);
        await rewrite(key, ({ envelope, document }) => {
          const at = Math.ceil(execution.now / 1000) + seconds;
          const goes = document !== undefined && when(document);
          return goes ? { ...envelope, expires: at } : undefined;
        });
      },
      clearExpiry: (key) => rewrite(key, ({ envelope }) => kept(envelope)),
      delete: async (key) => {
        seen.delete(key);
        await this.sidecar.delete(stateKey(key), execution.remainingMs(SIDECAR_TIMEOUT_MS));
      },
    };
  }
}

const KEPT = 0;

/** The same for good, of what has or had a time to live. */
function kept(envelope: Envelope): Envelope | undefined {
  return envelope.expires === undefined ? undefined : { ...envelope, expires: KEPT };
}

function secondsOf({ expires }: Envelope, now: number): number | undefined {
  if (expires === undefined) return undefined;
  return expires === KEPT ? NO_EXPIRY : Math.max(1, Math.ceil(expires - now / 1000));
}

function contended(name: string, key: string): MicroserviceError {
  return new MicroserviceError(`${name} ${key} is contended`, Code.ABORTED);
}
