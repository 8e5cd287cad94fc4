import { z } from 'zod';
import type { Clock } from '../core/clock';
import { Code, MicroserviceError, notFound } from '../core/errors';
import { type Execution } from '../core/execution';
import { deterministicId } from '../core/deterministic-id';
import { KeyedMutex } from '../core/keyed-mutex';
import {
  type AppliedChange,
  type Decision,
  type LoadedDocument,
  applyChange,
  secondsToLive,
  withoutExpiry,
} from './apply-change';
import { Envelope } from './inbox';
import { JoinedReads } from './joined-reads';
import type { Store } from './store';
import { NO_EXPIRY, SIDECAR_TIMEOUT_MS, type Sidecar } from '../transport/sidecar';

/**
 * The length of an effect's id within an inbox entry: 8 characters are 48 bits. Each is stored with
 * its document.
 */
const EFFECT_ID_LENGTH = 8;

/**
 * Attempts to write a document before ABORTED. The pause before the next is random, below 10 ms ×
 * 2^n.
 */
const MAX_WRITE_ATTEMPTS = 8;

const MAX_KEY_LENGTH = 512;
/** Control characters, and what the sidecar puts between the app and the key. */
const UNSTORABLE = /\p{Cc}|\|\|/u;

/** Counters of events in the document store, by store name. */
export interface DocumentMetrics {
  conflict(store: string): void;
  inboxEntryDropped(store: string): void;
}

export interface OpenOptions {
  /**
   * A name for the change. A named change is made once to each document per call context, however often
   * it is requested. By default a change is identified by its index in the execution.
   */
  effectName?: string | undefined;
}

interface StoreDeps {
  readonly sidecar: Sidecar;
  readonly reads: JoinedReads;
  readonly clock: Clock;
  readonly random: () => number;
  readonly metrics: DocumentMetrics;
  /**
   * One change of a document at a time within this process, so that its executions do not conflict.
   */
  readonly mutex: KeyedMutex;
}

/** The documents of a service. Shared by all executions of a process. */
export class DocumentStore {
  readonly #deps: StoreDeps;

  /** `random` returns at least 0 and less than 1. It spreads the retries of concurrent writers. */
  constructor(sidecar: Sidecar, clock: Clock, random: () => number, metrics: DocumentMetrics) {
    const reads = new JoinedReads(sidecar);
    this.#deps = { sidecar, reads, clock, random, metrics, mutex: new KeyedMutex() };
  }

  /** The documents of one kind, for one execution. */
  open<T>(
    name: string,
    schema: z.ZodType<T>,
    execution: Execution,
    { effectName }: OpenOptions = {},
  ): Store<T> {
    return new ExecutionStore(this.#deps, name, schema, execution, effectName);
  }
}

/** The key of a document in the state store. */
export function stateKey(store: string, tenantId: string, key: string): string {
  return `${store}:${tenantId}:${key}`;
}

/** The documents of one kind as one execution reads and changes them. */
class ExecutionStore<T> implements Store<T> {
  /** Documents that this execution has read and not yet changed. */
  readonly #read = new Map<string, LoadedDocument<T> | undefined>();

  constructor(
    private readonly deps: StoreDeps,
    private readonly name: string,
    private readonly schema: z.ZodType<T>,
    private readonly execution: Execution,
    private readonly effectName: string | undefined,
  ) {}

  async get(key: string): Promise<T | undefined> {
    const loaded = await this.#load(key);
    this.#read.set(key, loaded);
    return loaded?.document;
  }

  async getOrThrow(key: string): Promise<T> {
    const document = await this.get(key);
    if (document === undefined) throw notFound(this.name);
    return document;
  }

  assumeAbsent(key: string): void {
    this.#read.set(key, undefined);
  }

  async update(key: string, change: (current: T | undefined) => T): Promise<T> {
    const { document } = await this.decide(key, (current) => ({
      document: change(current),
      outcome: undefined,
    }));
    return document;
  }

  async decide<O>(
    key: string,
    change: (current: T | undefined) => Decision<T, O>,
    dedupKey?: string,
  ): Promise<Decision<T, O>> {
    const changeId = this.#changeId(key, dedupKey);
    return this.deps.mutex.run(this.#stateKey(key), async () => {
      const { result, sequence, made } =
        (await this.#changeAsRead(key, changeId, change)) ??
        (await this.#retryOnConflict(key, async () => {
          const loaded = await this.#load(key);
          const applied = this.#apply(loaded, key, changeId, change);
          const isDone =
            applied.next === undefined || (await this.#write(key, applied.next, loaded?.etag));
          return isDone ? applied : undefined;
        }));
      if (result instanceof MicroserviceError) throw result;
      if (made !== undefined) this.execution.made?.set(this.#recordKey(key, changeId), made);
      this.execution.noteSequence(key, sequence, true);
      return result;
    });
  }

  async expireIfAbandoned(
    key: string,
    seconds: number,
    isAbandoned: (current: T) => boolean,
  ): Promise<void> {
    this.#read.delete(key);
    await this.#rewrite(key, ({ envelope, document }) => {
      const expires = Math.ceil(this.execution.now / 1000) + seconds;
      return document !== undefined && isAbandoned(document) ? { ...envelope, expires } : undefined;
    });
  }

  async clearExpiry(key: string): Promise<void> {
    await this.#rewrite(key, ({ envelope }) => withoutExpiry(envelope));
  }

  async delete(key: string): Promise<void> {
    this.#read.delete(key);
    const timeout = this.execution.remainingMs(SIDECAR_TIMEOUT_MS);
    await this.deps.sidecar.delete(this.#stateKey(key), timeout);
  }

  /** Throws INVALID_ARGUMENT, which is final, for a key that a store may refuse: a retry would fail, too. */
  #stateKey(key: string): string {
    if (key.length > MAX_KEY_LENGTH || UNSTORABLE.test(key) || !key.isWellFormed()) {
      throw new MicroserviceError(`a key of ${this.name} cannot be stored`, Code.INVALID_ARGUMENT);
    }
    return stateKey(this.name, this.execution.callContext.caller.tenantId, key);
  }

  #recordKey(key: string, changeId: string): string {
    return `${this.#stateKey(key)} ${changeId}`;
  }

  #changeId(key: string, dedupKey: string | undefined): string {
    if (dedupKey !== undefined) return `fact#${deterministicId(dedupKey)}`;
    const effect =
      this.effectName === undefined
        ? String(this.execution.effectIndex(`change ${this.#stateKey(key)}`))
        : deterministicId(this.effectName).slice(0, EFFECT_ID_LENGTH);
    return `${this.execution.callContext.id}#${effect}`;
  }

  async #load(key: string, notesSequence = true): Promise<LoadedDocument<T> | undefined> {
    const { execution } = this;
    execution.assertBeforeDeadline();
    const loaded = await this.deps.reads.load(this.#stateKey(key), execution);
    if (loaded === undefined) return undefined;
    const envelope = Envelope.parse(loaded.value);
    if (notesSequence) execution.noteSequence(key, envelope.sequence, false);
    const document = envelope.data === undefined ? undefined : this.#parse(envelope.data, key);
    return { envelope, etag: loaded.etag, document };
  }

  #parse(data: unknown, key: string): T {
    const parsed = this.schema.safeParse(data);
    if (parsed.success) return parsed.data;
    throw new MicroserviceError(
      `document ${this.#stateKey(key)} does not match its schema: ${z.prettifyError(parsed.error)}`,
      Code.DATA_LOSS,
    );
  }

  /** Returns false if another writer was first. */
  async #write(key: string, next: Envelope, etag: string | undefined): Promise<boolean> {
    const { execution } = this;
    const { sidecar, metrics } = this.deps;
    execution.assertBeforeDeadline();
    const timeout = execution.remainingMs(SIDECAR_TIMEOUT_MS);
    const seconds = secondsToLive(next, execution.now);
    const ttlSeconds = seconds === 0 ? NO_EXPIRY : seconds;
    const written = await sidecar.save(this.#stateKey(key), next, etag, timeout, ttlSeconds);
    if (!written) metrics.conflict(this.name);
    return written;
  }

  #apply<O>(
    loaded: LoadedDocument<T> | undefined,
    key: string,
    changeId: string,
    change: (current: T | undefined) => Decision<T, O>,
  ): AppliedChange<T, O> {
    const { schema, execution, deps } = this;
    const applied = applyChange(loaded, changeId, change, {
      schema,
      now: Math.floor(deps.clock.now() / 1000),
      correlationId: execution.callContext.correlationId,
      reportsRefusal: execution.reportsRefusal,
      made: execution.made?.get(this.#recordKey(key, changeId)),
    });
    for (let count = applied.dropped; count > 0; count--) {
      deps.metrics.inboxEntryDropped(this.name);
    }
    return applied;
  }

  /**
   * Applies a change to the document as this execution has read it, which saves a read: a successful
   * write proves that the document had not changed since. Undefined if nothing was written: then only
   * another read can tell.
   */
  async #changeAsRead<O>(
    key: string,
    changeId: string,
    change: (current: T | undefined) => Decision<T, O>,
  ): Promise<AppliedChange<T, O> | undefined> {
    if (!this.#read.has(key)) return undefined;
    const loaded = this.#read.get(key);
    this.#read.delete(key);
    let applied: AppliedChange<T, O>;
    try {
      applied = this.#apply(loaded, key, changeId, change);
    } catch {
      return undefined;
    }
    const { next } = applied;
    return next !== undefined && (await this.#write(key, next, loaded?.etag)) ? applied : undefined;
  }

  /** Writes an envelope with another expiry; the document stays the same. */
  async #rewrite(
    key: string,
    change: (loaded: LoadedDocument<T>) => Envelope | undefined,
  ): Promise<void> {
    await this.deps.mutex.run(this.#stateKey(key), () =>
      this.#retryOnConflict(key, async () => {
        // the execution continues with the document as it has read it, and so with that sequence
        const loaded = this.#read.has(key) ? this.#read.get(key) : await this.#load(key, false);
        const next = loaded && change(loaded);
        if (next === undefined) return true;
        this.#read.delete(key);
        return (await this.#write(key, next, loaded?.etag)) || undefined;
      }),
    );
  }

  /** Repeats an attempt that returns undefined because another writer was first. */
  async #retryOnConflict<R>(key: string, attempt: () => Promise<R | undefined>): Promise<R> {
    const { clock, random } = this.deps;
    for (let count = 0; count < MAX_WRITE_ATTEMPTS; count++) {
      const result = await attempt();
      if (result !== undefined) return result;
      await clock.sleep(random() * 10 * 2 ** count);
    }
    throw new MicroserviceError(`too many concurrent changes of ${this.name} ${key}`, Code.ABORTED);
  }
}
