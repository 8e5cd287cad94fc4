import { z } from 'zod';

// How a saga is told: the work on one thing that asks several services, step by step.

/** One step of a saga, and what it came to; `ms` is how long it took. */
export const SagaStep = z.object({
  step: z.string(),
  outcome: z.string(),
  reason: z.string().optional(),
  at: z.string(),
  ms: z.int(),
});
export type SagaStep = z.infer<typeof SagaStep>;

/** What happened to something, and what was said about it. It is kept in its document. */
export const SagaLog = z.object({
  steps: z.array(SagaStep),
  events: z.array(z.object({ type: z.string(), at: z.string() })),
});
export type SagaLog = z.infer<typeof SagaLog>;

/** Events that are said as soon as the document tells of them. */
export function eventsLogged(at: string, ...contracts: readonly { type: string }[]): SagaLog {
  return { steps: [], events: contracts.map(({ type }) => ({ type, at })) };
}

export function appendSagaLog(story: SagaLog, more: SagaLog): SagaLog {
  return { steps: [...story.steps, ...more.steps], events: [...story.events, ...more.events] };
}
