import { z } from 'zod';

/** One step of a saga. `ms` is its duration. It is stored, so the field names must not change. */
export const SagaStep = z.object({
  step: z.string(),
  outcome: z.string(),
  reason: z.string().optional(),
  /** ISO 8601: when it started. */
  at: z.string(),
  ms: z.int(),
});
export type SagaStep = z.infer<typeof SagaStep>;

/** The steps of a saga and the events that it published. It is stored in the saga's document. */
export const SagaLog = z.object({
  steps: z.array(SagaStep),
  events: z.array(z.object({ type: z.string(), at: z.string() })),
});
export type SagaLog = z.infer<typeof SagaLog>;

/** A log of events that are published once the document is written. `at` is ISO 8601. */
export function eventsLogged(at: string, ...contracts: readonly { type: string }[]): SagaLog {
  return { steps: [], events: contracts.map(({ type }) => ({ type, at })) };
}

export function appendSagaLog(log: SagaLog, delta: SagaLog): SagaLog {
  return { steps: [...log.steps, ...delta.steps], events: [...log.events, ...delta.events] };
}
