import { isoTime } from '#kit/clock';
import { Code, MicroserviceError, isTransient } from '#kit/errors';
import type { Step, Story } from './domain';
import type { Context } from './service';

export type Done<T> = { outcome: 'done' } & T;
export interface NotDone {
  outcome: 'refused' | 'declined' | 'unknown';
  reason: string;
}

/** Runs the steps of one handling, and tells what each came to and what was said meanwhile. */
export class StoryTeller {
  #steps: Step[] = [];
  #eventsTold = 0;

  constructor(private readonly context: Pick<Context, 'clock' | 'said'>) {}

  /** A step that may fail. Whoever refuses to take it has answered too: the order must go on. */
  async step<T>(name: string, work: () => Promise<Done<T> | NotDone>): Promise<Done<T> | NotDone> {
    const { clock } = this.context;
    const at = isoTime(clock);
    const began = clock.now();
    const answer = await work().catch(refusal);
    const { outcome } = answer;
    const reason = outcome === 'done' ? {} : { reason: answer.reason };
    this.#steps.push({ step: name, outcome, ...reason, at, ms: Math.round(clock.now() - began) });
    return answer;
  }

  /** A step that cannot fail. */
  async certain(name: string, work: () => Promise<unknown>): Promise<void> {
    await this.step(name, async () => {
      await insist(work);
      return { outcome: 'done' };
    });
  }

  /** What happened since this was last asked. */
  next(): Story {
    const steps = this.#steps;
    const events = this.context.said.slice(this.#eventsTold);
    this.#steps = [];
    this.#eventsTold += events.length;
    return { steps, events };
  }
}

function refusal(error: unknown): NotDone {
  if (isTransient(error) || !(error instanceof MicroserviceError)) throw error;
  return { outcome: 'refused', reason: error.details.reason ?? Code[error.code].toLowerCase() };
}

/**
 * Asks for what cannot be refused once the order is decided. A refusal is a fault then: it is tried
 * again, and if that does not help it becomes a dead letter, whose replay goes on from here.
 */
export async function insist<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isTransient(error) || !(error instanceof MicroserviceError)) throw error;
    const { reason = Code[error.code].toLowerCase() } = error.details;
    throw new MicroserviceError(error.message, Code.INTERNAL, { reason }, { cause: error });
  }
}
