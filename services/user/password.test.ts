import { describe, expect, test } from '@jest/globals';
import { dummyHash, hashPassword, needsRehash, verifyPassword } from './password';

const COST = 4;

describe('a password hash', () => {
  test('matches its password and no other', async () => {
    const hash = await hashPassword('correct horse', COST);
    expect(await verifyPassword('correct horse', hash)).toBe(true);
    expect(await verifyPassword('correct horsf', hash)).toBe(false);
  });

  test('differs each time and contains its parameters', async () => {
    const [one, other] = await Promise.all([hashPassword('pw', COST), hashPassword('pw', COST)]);
    expect(one).not.toBe(other);
    expect(one).toMatch(/^\$scrypt\$ln=4,r=8,p=3\$[\w-]{22}\$[\w-]{43}$/);
  });

  test('is verified with its own parameters, so that the cost can be raised', async () => {
    const old = await hashPassword('pw', COST);
    expect(needsRehash(old, COST + 1)).toBe(true);
    expect(needsRehash(old, COST)).toBe(false);
    expect(await verifyPassword('pw', old)).toBe(true);
  });

  test('can be made at the production cost', async () => {
    const hash = await hashPassword('pw', 15);
    expect(await verifyPassword('pw', hash)).toBe(true);
  });

  test('matches however the characters of the password are composed', async () => {
    const hash = await hashPassword('caf\u00e9', COST);
    expect(await verifyPassword('cafe\u0301', hash)).toBe(true);
  });

  test('can be a dummy that no password matches', async () => {
    expect(await verifyPassword('', dummyHash(COST))).toBe(false);
    expect(needsRehash(dummyHash(COST), COST)).toBe(false);
  });

  test('of another form is refused', async () => {
    await expect(verifyPassword('pw', 'pw')).rejects.toThrow('not a password hash');
  });
});
