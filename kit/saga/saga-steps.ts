import { type Clock, isoTime } from '../core/clock';
import { Code, MicroserviceError, isTransient } from '../core/errors';
import type { PublishedEvent } from '../core/execution';
import type { SagaStep, SagaLog } from './saga-log';

export type StepSuccess<T> = { outcome: 'done' } & T;
export interface StepFailure {
  outcome: 'refused' | 'declined' | 'unknown';
  reason: string;
}

/** Runs the steps of one handling, and tells what each came to and what was said meanwhile. */
export class SagaRecorder {
  #steps: SagaStep[] = [];
  #eventsTold = 0;

  constructor(private readonly context: { clock: Clock; published: readonly PublishedEvent[] }) {}

  /** A step that may fail. Whoever refuses to take it has answered too: the saga must go on. */
  async step<T>(
    name: string,
    work: () => Promise<StepSuccess<T> | StepFailure>,
  ): Promise<StepSuccess<T> | StepFailure> {
    const { clock } = this.context;
    const at = isoTime(clock);
    const began = clock.now();
    const answer = await work().catch(refusal);
    const { outcome } = answer;
    const reason = outcome === 'done' ? {} : { reason: answer.reason };
    this.#steps.push({ step: name, outcome, ...reason, at, ms: Math.round(clock.now() - began) });
    return answer;
  }

  /** A step that cannot fail: see insist. */
  async mandatoryStep(name: string, work: () => Promise<unknown>): Promise<void> {
    await this.step(name, async () => {
      await mustSucceed(work);
      return { outcome: 'done' };
    });
  }

  /** What happened since this was last asked. */
  takeDelta(): SagaLog {
    const steps = this.#steps;
    const events = this.context.published.slice(this.#eventsTold);
    this.#steps = [];
    this.#eventsTold += events.length;
    return { steps, events };
  }
}

function refusal(error: unknown): StepFailure {
  if (isTransient(error) || !(error instanceof MicroserviceError)) throw error;
  return { outcome: 'refused', reason: error.details.reason ?? Code[error.code].toLowerCase() };
}

/**
 * Asks for what cannot be refused once a saga is decided. A refusal is a fault then: it is tried
 * again, and if that does not help it becomes a dead letter, whose replay goes on from here.
 */
export async function mustSucceed<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isTransient(error) || !(error instanceof MicroserviceError)) throw error;
    const { reason = Code[error.code].toLowerCase() } = error.details;
    throw new MicroserviceError(error.message, Code.INTERNAL, { reason }, { cause: error });
  }
}

/** How long, and how often, somebody who does not answer is asked again within one handling. */
export interface RetryPolicy {
  attempts: number;
  /** To recover in between. */
  pauseMs: number;
  /** What must be left of the handling after the next attempt has begun. */
  minRemainingMs: number;
  /** Until then it is worth being tried again in another handling where whoever is asked is away. */
  retryUntil: number;
}

/**
 * Asks what may have had its effect where no answer comes, and is the same when it is asked again.
 * `unknown` where it does not get an answer; throws UNAVAILABLE where nobody was there to be asked,
 * which is to be tried again.
 */
export async function retryWithin<T>(
  ask: () => Promise<T>,
  { attempts, pauseMs, minRemainingMs, retryUntil }: RetryPolicy,
  { clock, callContext }: { clock: Clock; callContext: { deadline: number } },
): Promise<T | StepFailure> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      if (!isTransient(error)) throw error;
      const timeLeft = callContext.deadline - clock.now() - pauseMs;
      if (attempt === attempts || timeLeft < minRemainingMs) {
        if (wasNotReached(error) && clock.now() < retryUntil) throw error;
        return { outcome: 'unknown', reason: nameOf(error) };
      }
      await clock.sleep(pauseMs);
    }
  }
}

function wasNotReached(error: unknown): boolean {
  return error instanceof MicroserviceError && error.code === Code.UNAVAILABLE;
}

function nameOf(error: unknown): string {
  return error instanceof MicroserviceError ? Code[error.code].toLowerCase() : 'internal';
}
