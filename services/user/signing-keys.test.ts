import { describe, expect, test } from '@jest/globals';
import {
  type SigningKeySet,
  currentSigningKey,
  isRotationDue,
  rotated,
  verificationKeys,
} from './signing-keys';
import { ACCESS_TOKEN_MS, KEY_LEAD_MS, KEY_ROTATION_MS } from './timeouts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const jwk = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y', d: 'd' } as const;
const key = (kid: string) => ({ kid, jwk });
const kids = (keys: readonly { kid: string }[]) => keys.map(({ kid }) => kid);

describe('a signing key set', () => {
  const first = rotated(undefined, key('a'), NOW);
  const second = rotated(first, key('b'), NOW + KEY_ROTATION_MS);

  test('starts with a key that signs immediately', () => {
    expect(isRotationDue(undefined, NOW)).toBe(true);
    expect(currentSigningKey(first, NOW).kid).toBe('a');
    expect(isRotationDue(first, NOW)).toBe(false);
  });

  test('does not rotate before a rotation is due', () => {
    expect(rotated(first, key('b'), NOW + KEY_ROTATION_MS - 1)).toBe(first);
    expect(rotated(second, key('c'), NOW + KEY_ROTATION_MS)).toBe(second);
  });

  test('publishes a new key before it signs', () => {
    const due = NOW + KEY_ROTATION_MS;
    expect(kids(verificationKeys(second, due))).toEqual(['a', 'b']);
    expect(currentSigningKey(second, due + KEY_LEAD_MS - 1).kid).toBe('a');
    expect(currentSigningKey(second, due + KEY_LEAD_MS).kid).toBe('b');
  });

  test('publishes an old key until every token that it signed has expired', () => {
    const lastSigned = NOW + KEY_ROTATION_MS + KEY_LEAD_MS - 1;
    expect(kids(verificationKeys(second, lastSigned + ACCESS_TOKEN_MS))).toEqual(['a', 'b']);
    expect(kids(verificationKeys(second, lastSigned + 2 * ACCESS_TOKEN_MS))).toEqual(['b']);
  });

  test('drops a key that verifies no unexpired token when the next key is added', () => {
    const next = rotated(second, key('c'), NOW + 2 * KEY_ROTATION_MS);
    expect(kids(next.keys)).toEqual(['b', 'c']);
  });

  test('signs with its only key even if the clock of the replica that made it is ahead', () => {
    expect(currentSigningKey(first, NOW - 60_000).kid).toBe('a');
  });

  test('is never empty', () => {
    const none: SigningKeySet = { keys: [] };
    expect(() => currentSigningKey(none, NOW)).toThrow('never empty');
  });
});
