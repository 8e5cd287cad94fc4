import { z } from 'zod';

// How a saga is told: the work on one thing that asks several services, step by step.

/** One step of a saga, and what it came to; `ms` is how long it took. */
export const Step = z.object({
  step: z.string(),
  outcome: z.string(),
  reason: z.string().optional(),
  at: z.string(),
  ms: z.int(),
});
export type Step = z.infer<typeof Step>;

/** What happened to something, and what was said about it. It is kept in its document. */
export const Story = z.object({
  steps: z.array(Step),
  events: z.array(z.object({ type: z.string(), at: z.string() })),
});
export type Story = z.infer<typeof Story>;

/** Events that are said as soon as the document tells of them. */
export function saying(at: string, ...contracts: readonly { type: string }[]): Story {
  return { steps: [], events: contracts.map(({ type }) => ({ type, at })) };
}

export function joined(story: Story, more: Story): Story {
  return { steps: [...story.steps, ...more.steps], events: [...story.events, ...more.events] };
}
