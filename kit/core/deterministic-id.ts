import { hash } from 'node:crypto';

/** An identity made of parts: 132 bits of their hash, in 22 letters that are safe in a URL. */
export function deterministicId(...parts: readonly (string | number)[]): string {
  return hash('sha256', JSON.stringify(parts), 'base64url').slice(0, 22);
}
