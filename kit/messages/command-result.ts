import { z } from 'zod';
import { Refusal } from '../core/errors';

/** How a command or request ended: `refusal` is null when it was done, or answered. */
export const CommandResult = z.object({
  refusal: Refusal.nullable(),
  answer: z.unknown().optional(),
});
export type CommandResult = z.infer<typeof CommandResult>;
