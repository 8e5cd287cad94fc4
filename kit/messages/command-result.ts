import { z } from 'zod';
import { Refusal } from '../core/errors';

/** The result of a command or request. It is stored and sent, so the field names must not change. */
export const CommandResult = z.object({
  /** Null if the command was executed or the request was answered. */
  refusal: Refusal.nullable(),
  /** The data of the reply to a request; absent for commands. */
  answer: z.unknown().optional(),
});
export type CommandResult = z.infer<typeof CommandResult>;
