import { describe, expect, test } from '@jest/globals';
import { hashPassword, isCheaper, isPassword, noPassword } from './password';

const COST = 4;

describe('a hash of a password', () => {
  test('is of that password and no other', async () => {
    const hash = await hashPassword('correct horse', COST);
    expect(await isPassword('correct horse', hash)).toBe(true);
    expect(await isPassword('correct horsf', hash)).toBe(false);
  });

  test('differs each time, and names what it was made with', async () => {
    const [one, other] = await Promise.all([hashPassword('pw', COST), hashPassword('pw', COST)]);
    expect(one).not.toBe(other);
    expect(one).toMatch(/^\$scrypt\$ln=4,r=8,p=3\$[\w-]{22}\$[\w-]{43}$/);
  });

  test('is checked with what it was made with, so that the cost can be raised', async () => {
    const old = await hashPassword('pw', COST);
    expect(isCheaper(old, COST + 1)).toBe(true);
    expect(isCheaper(old, COST)).toBe(false);
    expect(await isPassword('pw', old)).toBe(true);
  });

  test('can be made at the cost of production', async () => {
    const hash = await hashPassword('pw', 15);
    expect(await isPassword('pw', hash)).toBe(true);
  });

  test('is the same however the characters of the password are composed', async () => {
    const hash = await hashPassword('caf\u00e9', COST);
    expect(await isPassword('cafe\u0301', hash)).toBe(true);
  });

  test('may be of no password at all', async () => {
    expect(await isPassword('', noPassword(COST))).toBe(false);
    expect(isCheaper(noPassword(COST), COST)).toBe(false);
  });

  test('is nothing else', async () => {
    await expect(isPassword('pw', 'pw')).rejects.toThrow('no hash of a password');
  });
});
