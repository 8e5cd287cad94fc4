import { describe, expect, test } from '@jest/globals';
import {
  type KeyRing,
  LEAD_MS,
  ROTATE_MS,
  TOKEN_MS,
  honoured,
  isDue,
  renewed,
  signingKey,
} from './key-ring';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const jwk = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y', d: 'd' } as const;
const key = (kid: string) => ({ kid, jwk });
const kids = (keys: readonly { kid: string }[]) => keys.map(({ kid }) => kid);

describe('a key ring', () => {
  const first = renewed(undefined, key('a'), NOW);
  const rotated = renewed(first, key('b'), NOW + ROTATE_MS);

  test('begins with a key that signs at once', () => {
    expect(isDue(undefined, NOW)).toBe(true);
    expect(signingKey(first, NOW).kid).toBe('a');
    expect(isDue(first, NOW)).toBe(false);
  });

  test('keeps the key that was there first', () => {
    expect(renewed(first, key('b'), NOW + ROTATE_MS - 1)).toBe(first);
    expect(renewed(rotated, key('c'), NOW + ROTATE_MS)).toBe(rotated);
  });

  test('publishes a new key before it signs', () => {
    const due = NOW + ROTATE_MS;
    expect(kids(honoured(rotated, due))).toEqual(['a', 'b']);
    expect(signingKey(rotated, due + LEAD_MS - 1).kid).toBe('a');
    expect(signingKey(rotated, due + LEAD_MS).kid).toBe('b');
  });

  test('honours an old key until every token that it signed has expired', () => {
    const lastSigned = NOW + ROTATE_MS + LEAD_MS - 1;
    expect(kids(honoured(rotated, lastSigned + TOKEN_MS))).toEqual(['a', 'b']);
    expect(kids(honoured(rotated, lastSigned + 2 * TOKEN_MS))).toEqual(['b']);
  });

  test('drops what it no longer honours when the next key comes', () => {
    const next = renewed(rotated, key('c'), NOW + 2 * ROTATE_MS);
    expect(kids(next.keys)).toEqual(['b', 'c']);
  });

  test('signs with its only key even where the clock of another replica is ahead', () => {
    expect(signingKey(first, NOW - 60_000).kid).toBe('a');
  });

  test('is never empty', () => {
    const none: KeyRing = { keys: [] };
    expect(() => signingKey(none, NOW)).toThrow('never empty');
  });
});
