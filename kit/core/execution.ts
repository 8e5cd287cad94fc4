import type { Clock } from './clock';
import type { CallContext } from './call-context';
import { Code, MicroserviceError } from './errors';

/** An event that was published during an execution, by this service or by one that it called. */
export interface PublishedEvent {
  type: string;
  /** ISO 8601. */
  at: string;
}

/** One run of one handler. It counts its effects, so that each has a deterministic id of its own. */
export class Execution {
  readonly published: PublishedEvent[] = [];
  readonly #counts = new Map<string, number>();
  /** Created when the first document is read; many executions read none. */
  #sequences: Map<string, number> | undefined;

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
   * The sequence of the document that was last read or written under this key; 0 if there is none.
   */
  sequenceOf(key: string): number {
    return this.#sequences?.get(key) ?? 0;
  }

  noteSequence(key: string, sequence: number): void {
    this.#sequences ??= new Map();
    this.#sequences.set(key, sequence);
  }

  /**
   * The timeout for a step, in milliseconds: `max`, cut to the time until the deadline, at least 0.
   */
  remainingMs(max: number): number {
    return Math.max(0, Math.min(max, this.callContext.deadline - this.clock.now()));
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
