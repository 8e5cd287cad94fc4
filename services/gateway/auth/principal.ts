import type { Caller } from '#kit/core/caller';
import { Code, MicroserviceError } from '#kit/core/errors';

/** An authenticated caller. With an API key, only what its scopes name is permitted (`orders:read`). */
export interface Principal {
  readonly caller: Caller;
  readonly scopes?: readonly string[];
}

/**
 * Runs before a token or key is verified that is not known to be valid, and throws if too many from the
 * same address were verified lately.
 */
export type BeforeVerification = () => Promise<void> | undefined;

export function unauthenticated(message: string): MicroserviceError {
  return new MicroserviceError(message, Code.UNAUTHENTICATED);
}
