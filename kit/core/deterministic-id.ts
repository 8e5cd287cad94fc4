import { hash } from 'node:crypto';

/**
 * An id computed from its parts: the same parts have the same id. 132 bits of their SHA-256 hash, as 22
 * characters that are safe in a URL.
 */
export function deterministicId(...parts: readonly (string | number)[]): string {
  return hash('sha256', JSON.stringify(parts), 'base64url').slice(0, 22);
}
