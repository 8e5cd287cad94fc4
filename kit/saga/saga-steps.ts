import { type Clock, isoTime } from '../core/clock';
import { Code, MicroserviceError, isTransient, wasNotReached } from '../core/errors';
import type { PublishedEvent } from '../core/execution';
import type { SagaStep, SagaLog } from './saga-log';

export type StepSuccess<T> = { outcome: 'done' } & T;
export interface StepFailure {
  /**
   * `refused` by the service, `declined` by a payment provider, or `unknown`: it may have had its
   * effect.
   */
  outcome: 'refused' | 'declined' | 'unknown';
  reason: string;
}

/** Runs the steps of a saga in one execution, and records their outcomes and the published events. */
export class SagaRecorder {
  #steps: SagaStep[] = [];
  #eventsTaken = 0;

  constructor(private readonly context: { clock: Clock; published: readonly PublishedEvent[] }) {}

  /**
   * Runs a step that may fail. A refusal that it throws is its outcome; any other error is thrown.
   */
  async step<T>(
    name: string,
    work: () => Promise<StepSuccess<T> | StepFailure>,
  ): Promise<StepSuccess<T> | StepFailure> {
    const { clock } = this.context;
    const at = isoTime(clock);
    const started = clock.now();
    const result = await work().catch(toStepFailure);
    const { outcome } = result;
    const reason = outcome === 'done' ? {} : { reason: result.reason };
    this.#steps.push({ step: name, outcome, ...reason, at, ms: Math.round(clock.now() - started) });
    return result;
  }

  /** Runs a step that must succeed: see `mustSucceed`. */
  async mandatoryStep(name: string, work: () => Promise<unknown>): Promise<void> {
    await this.step(name, async () => {
      await mustSucceed(work);
      return { outcome: 'done' };
    });
  }

  /** The steps and events since the last call. */
  takeDelta(): SagaLog {
    const steps = this.#steps;
    const events = this.context.published.slice(this.#eventsTaken);
    this.#steps = [];
    this.#eventsTaken += events.length;
    return { steps, events };
  }
}

function toStepFailure(error: unknown): StepFailure {
  if (isTransient(error) || !(error instanceof MicroserviceError)) throw error;
  return { outcome: 'refused', reason: error.details.reason ?? Code[error.code].toLowerCase() };
}

/**
 * Runs work that cannot be refused once the outcome of a saga is decided. A refusal is then a fault: it
 * is thrown as INTERNAL, so that it is retried, and at last becomes a dead letter. A replay of the dead
 * letter continues the saga.
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

/** How often a call is retried within one execution. */
export interface RetryPolicy {
  attempts: number;
  /** Between two attempts. */
  pauseMs: number;
  /** The least time that must be left until the deadline when another attempt starts. */
  minRemainingMs: number;
  /**
   * Epoch milliseconds. Until then, a callee that could not be reached is retried in another execution:
   * the error is thrown instead of returned as `unknown`.
   */
  retryUntil: number;
}

/**
 * Retries an idempotent call that may have had its effect when it fails. Returns `unknown` if no attempt
 * got an answer. Throws UNAVAILABLE if the callee could not be reached and may be retried in another
 * execution; throws an error that is not transient immediately.
 */
export async function retryWithin<T>(
  call: () => Promise<T>,
  { attempts, pauseMs, minRemainingMs, retryUntil }: RetryPolicy,
  { clock, callContext }: { clock: Clock; callContext: { deadline: number } },
): Promise<T | StepFailure> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (!isTransient(error)) throw error;
      const remainingMs = callContext.deadline - clock.now() - pauseMs;
      if (attempt === attempts || remainingMs < minRemainingMs) {
        if (wasNotReached(error) && clock.now() < retryUntil) throw error;
        return { outcome: 'unknown', reason: codeName(error) };
      }
      await clock.sleep(pauseMs);
    }
  }
}

function codeName(error: unknown): string {
  return error instanceof MicroserviceError ? Code[error.code].toLowerCase() : 'internal';
}
