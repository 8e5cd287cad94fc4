import { describe, expect, test } from '@jest/globals';
import {
  SigningKeySet,
  currentSigningKey,
  isRotationDue,
  rotated,
  verificationKeys,
  withSealedKeys,
} from './signing-keys';
import { ACCESS_TOKEN_MS, KEY_LEAD_MS, KEY_ROTATION_MS } from './timeouts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const BY = 'master-key';
const jwk = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' } as const;
const key = (kid: string, by = BY) => ({ kid, jwk, sealed: { by, d: 'sealed' } });
const kids = (keys: readonly { kid: string }[]) => keys.map(({ kid }) => kid);

describe('a signing key set', () => {
  const first = rotated(undefined, key('a'), NOW);
  const second = rotated(first, key('b'), NOW + KEY_ROTATION_MS);

  test('starts with a key that signs immediately', () => {
    expect(isRotationDue(undefined, BY, NOW)).toBe(true);
    expect(currentSigningKey(first, BY, NOW).kid).toBe('a');
    expect(isRotationDue(first, BY, NOW)).toBe(false);
  });

  test('does not rotate before a rotation is due', () => {
    expect(rotated(first, key('b'), NOW + KEY_ROTATION_MS - 1)).toBe(first);
    expect(rotated(second, key('c'), NOW + KEY_ROTATION_MS)).toBe(second);
  });

  test('publishes a new key before it signs', () => {
    const due = NOW + KEY_ROTATION_MS;
    expect(kids(verificationKeys(second, due))).toEqual(['a', 'b']);
    expect(currentSigningKey(second, BY, due + KEY_LEAD_MS - 1).kid).toBe('a');
    expect(currentSigningKey(second, BY, due + KEY_LEAD_MS).kid).toBe('b');
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
    expect(currentSigningKey(first, BY, NOW - 60_000).kid).toBe('a');
  });

  test('of another master key verifies, and the own one signs immediately', () => {
    const both = rotated(first, key('b', 'other'), NOW + 1000);
    expect(kids(verificationKeys(both, NOW + 1000))).toEqual(['a', 'b']);
    expect(currentSigningKey(both, 'other', NOW + 1000).kid).toBe('b');
    expect(currentSigningKey(both, BY, NOW + 1000).kid).toBe('a');
    expect(isRotationDue(both, 'other', NOW + 1000)).toBe(false);
  });

  test('that was stored unsealed is sealed, signs on, and is replaced immediately', () => {
    const at = new Date(NOW).toISOString();
    const plain = { kid: 'a', jwk: { ...jwk, d: 'private' }, createdAt: at, signsFrom: at };
    const stored = SigningKeySet.parse({ keys: [plain] });
    const sealed = withSealedKeys(stored, (kid, d) => ({ by: BY, d: `${kid} ${d}` }));
    expect(sealed.keys).toEqual([
      { ...plain, jwk, sealed: { by: BY, d: 'a private' }, exposed: true },
    ]);
    expect(isRotationDue(sealed, BY, NOW)).toBe(true);
    const next = rotated(sealed, key('b'), NOW + 1000);
    expect(currentSigningKey(next, BY, NOW + KEY_LEAD_MS).kid).toBe('a');
    expect(currentSigningKey(next, BY, NOW + 1000 + KEY_LEAD_MS).kid).toBe('b');
    expect(isRotationDue(next, BY, NOW + 1000)).toBe(false);
    expect(withSealedKeys(next, () => ({ by: BY, d: '' }))).toBe(next);
  });

  test('is never empty', () => {
    const none: SigningKeySet = { keys: [] };
    expect(() => currentSigningKey(none, BY, NOW)).toThrow('never empty');
  });
});
