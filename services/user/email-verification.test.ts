import { describe, expect, test } from '@jest/globals';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { Code } from '#kit/core/errors';
import { AccountMailRequested } from '#contracts/user';
import { type Bed, anonymous, mailedToken, service, withAnna } from './testing';

const DAY = 24 * 3_600_000;
const notValid = { code: Code.FAILED_PRECONDITION, details: { reason: 'token_not_valid' } };
const verify = (bed: Bed, token: string) =>
  bed.call('verifyEmail', { token }, { caller: anonymous });

describe('the address of an account', () => {
  test('is not verified until its owner sends the token of the e-mail', async () => {
    const { bed, userId, caller, login } = await withAnna();
    const isVerified = async () => {
      const contact = await bed.call('getContact', { userId }, { caller: service });
      const profile = await bed.call('getProfile', {}, { caller });
      expect(contact.emailVerified).toBe(profile.emailVerified);
      return profile.emailVerified;
    };
    expect(await isVerified()).toBe(false);
    // signing in does not need it
    await expect(login()).resolves.toBeDefined();
    await verify(bed, await mailedToken(bed));
    expect(await isVerified()).toBe(true);
  });

  test('is verified by one use of a token, within a day', async () => {
    const { bed, caller } = await withAnna();
    const first = await mailedToken(bed);
    bed.clock.advance(DAY);
    await expect(verify(bed, first)).rejects.toMatchObject(notValid);
    await bed.call('requestEmailVerification', {}, { caller });
    const second = await mailedToken(bed);
    await verify(bed, second);
    await expect(verify(bed, second)).rejects.toMatchObject(notValid);
  });

  test('is sent no e-mail once it is verified', async () => {
    const { bed, caller } = await withAnna();
    await verify(bed, await mailedToken(bed));
    await bed.call('requestEmailVerification', {}, { caller });
    expect(bed.published(AccountMailRequested)).toHaveLength(1);
  });

  test('is not verified by a made-up token, which stores nothing', async () => {
    const { bed } = await withAnna();
    const before = bed.memory.documents.size;
    await expect(verify(bed, `user_9.mail_1.${'x'.repeat(43)}`)).rejects.toMatchObject(notValid);
    expect(bed.memory.documents.size).toBe(before);
  });

  test('is verified in the same way, wherever the process is killed', async () => {
    let token = '';
    const prepare = async () => {
      const { bed } = await withAnna();
      token = await mailedToken(bed);
      return bed;
    };
    const act = (bed: Bed) => bed.call('verifyEmail', { token }, { caller: anonymous, id: 'c1' });
    await expectCrashSafe(prepare, act, { ignore: ['passwordHash'] });
  });

  test('is sent the same e-mail, wherever the process is killed', async () => {
    let userId = '';
    const prepare = async () => {
      const prepared = await withAnna();
      ({ userId } = prepared);
      return prepared.bed;
    };
    const act = (bed: Bed) =>
      bed.call(
        'requestEmailVerification',
        {},
        { caller: { ...anonymous, userId, role: 'customer' }, id: 'c1' },
      );
    await expectCrashSafe(prepare, act, { ignore: ['passwordHash'] });
  });
});
