import { z } from 'zod';
import { type FailureClass } from '../../core/errors';
import { MadeChange } from '../../state/inbox';
import { dependencyOf } from '../../transport/dependencies';

/** How long an event is retried while something that it needs is unavailable. */
export const PARKED_MS = 24 * 3600 * 1000;

/**
 * An event that fails with a fault is poison after this time, if also MAX_ATTEMPTS of it have failed: longer
 * than a deployment takes to be rolled back, and than a machine takes to restart.
 */
export const POISON_MS = 5 * 60_000;

/** The least number of attempts before an event is poison. */
export const MAX_ATTEMPTS = 6;

/**
 * If this number of subjects wait because of faults of the same handler, and none is handled meanwhile, then
 * the handler is broken and not the events: they are retried as if a dependency were unavailable.
 */
export const BROKEN_HANDLER_SUBJECTS = 3;

/**
 * An event that waits until it can be handled, in a document of its own. It is stored, so the field names
 * must not change.
 */
export const ParkedEvent = z.object({
  /** The whole event as it arrived. */
  event: z.record(z.string(), z.unknown()),
  /** Epoch milliseconds. */
  parkedAt: z.number(),
  /** All attempts; 0 if an earlier event of its subject waits. */
  attempts: z.int(),
  /** The last failure; absent before the first attempt. */
  failure: z
    .object({
      reason: z.string(),
      message: z.string(),
      /** See `waitsFor`. */
      dependency: z.string(),
      /** Since when it has failed with this dependency, in epoch milliseconds, and in how many attempts. */
      since: z.number(),
      attempts: z.int(),
    })
    .optional(),
  /**
   * The changes that its attempts have made to documents. They are not made again, even if the documents
   * have dropped their inbox entries in the meantime.
   */
  made: z.record(z.string(), MadeChange),
});
export type ParkedEvent = z.infer<typeof ParkedEvent>;

/**
 * What an event waits for after a failure: the dependency that was unavailable; its own handler after a
 * fault; or the type of the event, if the handler found something unavailable that is not a dependency.
 */
export function waitsFor(error: unknown, failureClass: FailureClass, type: string): string {
  return failureClass === 'fault' ? `handler of ${type}` : (dependencyOf(error) ?? type);
}

/** A parked event after another failure. */
export function afterFailure(
  parked: ParkedEvent,
  failure: { reason: string; message: string },
  dependency: string,
  now: number,
): ParkedEvent {
  const { reason, message } = failure;
  const earlier = parked.failure?.dependency === dependency ? parked.failure : undefined;
  const since = earlier?.since ?? now;
  const attempts = (earlier?.attempts ?? 0) + 1;
  return {
    ...parked,
    attempts: parked.attempts + 1,
    failure: { reason, message, dependency, since, attempts },
  };
}

/**
 * Whether an event that keeps failing with a fault is poison: it has failed for POISON_MS, and its handler
 * works for other events or no others fail. Otherwise nothing tells the fault from an outage that is not
 * seen as one, and the event is retried like one whose dependency is unavailable.
 *
 * `waiting` is the number of subjects that wait because of this handler. `handledAt` is when an event of
 * this type was last handled, in epoch milliseconds.
 */
export function isPoison(
  { failure }: ParkedEvent,
  { now, waiting, handledAt }: { now: number; waiting: number; handledAt: number },
): boolean {
  if (failure === undefined || failure.attempts < MAX_ATTEMPTS) return false;
  if (now - failure.since < POISON_MS) return false;
  return waiting < BROKEN_HANDLER_SUBJECTS || handledAt > failure.since;
}
