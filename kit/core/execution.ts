import type { Clock } from './clock';
import type { CallContext } from './call-context';
import { Code, MicroserviceError } from './errors';

/** An event that was said in the course of some work, by this service or one that it called. */
export interface PublishedEvent {
  type: string;
  at: string;
}

/** One run of one handler: counts its effects, so that each has an identity of its own. */
export class Execution {
  readonly published: PublishedEvent[] = [];
  readonly #counts = new Map<string, number>();
  /** Made when a document is seen: what only calls and says has none. */
  #sequences: Map<string, number> | undefined;

  constructor(
    readonly callContext: CallContext,
    private readonly clock: Clock,
    /** Whether somebody is told of its refusal: then it is refused for good, or not at all. */
    readonly reportsRefusal = false,
    /** When it was said that this be done, milliseconds since the epoch by the clock of who said it. */
    readonly requestedAt = clock.now(),
  ) {}

  /** Milliseconds since the epoch. */
  get now(): number {
    return this.clock.now();
  }

  /** 0 for the first effect of this name in the run, then 1, 2, ... */
  effectIndex(name: string): number {
    const next = this.#counts.get(name) ?? 0;
    this.#counts.set(name, next + 1);
    return next;
  }

  /** The change number of the document that was last seen under this key; 0 for none. */
  sequenceOf(key: string): number {
    return this.#sequences?.get(key) ?? 0;
  }

  noteSequence(key: string, sequence: number): void {
    this.#sequences ??= new Map();
    this.#sequences.set(key, sequence);
  }

  /** Milliseconds left for a step that may take so long; 0 after the deadline. */
  remainingMs(atMost: number): number {
    return Math.max(0, Math.min(atMost, this.callContext.deadline - this.clock.now()));
  }

  /**
   * Refuses to begin a step after the deadline. Together with ETags this fences off a process
   * that was stopped and wakes up: its work may have been done again by another meanwhile.
   */
  assertBeforeDeadline(): void {
    if (this.clock.now() >= this.callContext.deadline) {
      throw new MicroserviceError('the time for this request is over', Code.DEADLINE_EXCEEDED);
    }
  }
}
