import { type Clock, isoTime } from './clock';
import type { CallContext } from './call-context';
import { Code, MicroserviceError } from './errors';
import type { Precondition } from './precondition';

/** An event that was published during an execution, by this service or by one that it called. */
export interface PublishedEvent {
  type: string;
  /** ISO 8601. */
  at: string;
}

/**
 * A change that an execution made to a document: see InboxEntry. Or an event that it published, with its time
 * as the outcome.
 */
export interface MadeChange {
  by: string;
  at: number;
  sequence: number;
  outcome?: unknown;
}

/** One run of one handler. It counts its effects, so that each has a deterministic id of its own. */
export class Execution {
  readonly published: PublishedEvent[] = [];
  readonly #counts = new Map<string, number>();
  /** Created when the first document is read; many executions read none. */
  #sequences: Map<string, number> | undefined;
  /** The documents that it has changed. */
  #changed: Set<string> | undefined;

  constructor(
    readonly callContext: CallContext,
    private readonly clock: Clock,
    /**
     * Whether a refusal is returned to a caller, as by commands and requests. Then it is final and
     * stored.
     */
    readonly reportsRefusal = false,
    /**
     * When the work was requested, in epoch milliseconds of the requester's clock: the time of the
     * event.
     */
    readonly requestedAt = clock.now(),
    /**
     * The changes that earlier attempts of this work made to documents, and then those of this one.
     * Undefined if the work is not attempted again by this service.
     */
    readonly made?: Map<string, MadeChange>,
    /** The client's condition for the change that this handler makes. */
    readonly precondition?: Precondition,
  ) {}

  /** Epoch milliseconds. */
  get now(): number {
    return this.clock.now();
  }

  /** The index of the next effect with this name in the execution: 0, 1, 2, ... */
  effectIndex(name: string): number {
    const next = this.#counts.get(name) ?? 0;
    this.#counts.set(name, next + 1);
    return next;
  }

  /**
   * The sequence that events about the document under this key carry: that of the last change which this
   * execution made to it, otherwise of the last read; 0 if there is none.
   */
  sequenceOf(key: string): number {
    return this.#sequences?.get(key) ?? 0;
  }

  /** `isChange`: this execution made the change with this number. A later read does not replace it. */
  noteSequence(key: string, sequence: number, isChange: boolean): void {
    this.#sequences ??= new Map();
    if (isChange) (this.#changed ??= new Set()).add(key);
    else if (this.#changed?.has(key) === true) return;
    this.#sequences.set(key, sequence);
  }

  /**
   * The timeout for a step, in milliseconds: `max`, cut to the time until the deadline, at least 0.
   */
  remainingMs(max: number): number {
    return Math.max(0, Math.min(max, this.callContext.deadline - this.clock.now()));
  }

  /**
   * The time of an event that is published now: that of the first attempt of this work which published it.
   * So its consumers can tell that it may be a repetition of an old one.
   */
  timeOf(eventId: string): string {
    const key = `event ${eventId}`;
    const earlier = this.made?.get(key)?.outcome;
    if (typeof earlier === 'string') return earlier;
    const time = isoTime(this.clock);
    const at = Math.floor(this.now / 1000);
    this.made?.set(key, { by: eventId, at, sequence: 0, outcome: time });
    return time;
  }

  /**
   * Throws DEADLINE_EXCEEDED from the deadline on, so that no step begins after it. Together with ETags
   * this fences off a process that was suspended and resumes: another process may have done its work.
   */
  assertBeforeDeadline(): void {
    if (this.clock.now() >= this.callContext.deadline) {
      throw new MicroserviceError(
        'the deadline of this request has passed',
        Code.DEADLINE_EXCEEDED,
      );
    }
  }
}
