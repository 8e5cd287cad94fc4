import { describe, expect, test } from '@jest/globals';
import { nameOf, refreshSecret, seal, unseal, wasIssued } from './secrets';
import { config } from './testing';
import { newCallContext } from '#kit/core/call-context';
import { FakeClock } from '#kit/testing/fake-clock';

const KEY = config.USER_KEY_FILE;
const context = { config, callContext: newCallContext(new FakeClock(), { id: 'cause' }) };

describe('a sealed text', () => {
  test('is opened with the same master key for the same owner only', () => {
    const sealed = seal(KEY, 'kid', 'private');
    expect(sealed).not.toContain('private');
    expect(unseal(KEY, 'kid', sealed)).toBe('private');
    expect(() => unseal('o'.repeat(43), 'kid', sealed)).toThrow();
    expect(() => unseal(KEY, 'other', sealed)).toThrow();
  });

  test('is refused when a byte of it was changed', () => {
    const bytes = Buffer.from(seal(KEY, 'kid', 'private'), 'base64url');
    for (const at of [0, 12, bytes.length - 1]) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1;
      expect(() => unseal(KEY, 'kid', changed.toString('base64url'))).toThrow();
    }
    expect(() => unseal(KEY, 'kid', '')).toThrow();
  });

  test('differs each time', () => {
    expect(seal(KEY, 'kid', 'private')).not.toBe(seal(KEY, 'kid', 'private'));
  });
});

test('the name of a master key does not contain it', () => {
  expect(nameOf(KEY)).toHaveLength(16);
  expect(nameOf(KEY)).not.toBe(nameOf('o'.repeat(43)));
});

describe('the secret of a refresh token', () => {
  test('is recognised for its session only', () => {
    const secret = refreshSecret('s1', 'first', context);
    expect(secret).toMatch(/^[\w-]{43}$/);
    expect(wasIssued('s1', secret, context)).toBe(true);
    expect(wasIssued('s2', secret, context)).toBe(false);
    expect(wasIssued('s1', 'x'.repeat(43), context)).toBe(false);
    expect(wasIssued('s1', '', context)).toBe(false);
  });

  test('depends on the call and its purpose', () => {
    const secrets = ['first', 'second'].map((purpose) => refreshSecret('s1', purpose, context));
    expect(new Set(secrets).size).toBe(2);
    expect(refreshSecret('s1', 'first', context)).toBe(secrets[0]);
  });
});
