import { describe, expect, test } from '@jest/globals';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { Code } from '#kit/core/errors';
import { AccountMailRequested, AccountSecurityChanged, SendPasswordReset } from '#contracts/user';
import { type Bed, anna, anonymous, mailedToken, service, withAnna, withUser } from './testing';

const newPassword = 'a better horse';
const MINUTE = 60_000;
const notValid = { code: Code.FAILED_PRECONDITION, details: { reason: 'token_not_valid' } };
const wrongCredentials = { details: { reason: 'wrong_credentials' } };
const signedOut = { details: { reason: 'signed_out' } };
const ignore = ['passwordHash', 'keys'];

describe('changing a password', () => {
  const change = { currentPassword: anna.password, newPassword };

  test('takes the current one, ends all sessions and signs in again', async () => {
    const { bed, caller, login } = await withAnna();
    const before = [await login(), await login()];
    const next = await bed.call('changePassword', change, { caller });
    for (const { refreshToken } of before) {
      const refresh = bed.call('refresh', { refreshToken }, { caller: anonymous });
      await expect(refresh).rejects.toMatchObject(signedOut);
    }
    const { refreshToken } = next;
    await expect(
      bed.call('refresh', { refreshToken }, { caller: anonymous }),
    ).resolves.toBeDefined();
    await expect(login()).rejects.toMatchObject(wrongCredentials);
    await expect(login(newPassword)).resolves.toBeDefined();
    const ended = await bed.call('getEndedSessions', {}, { caller: service });
    expect(ended.sessions).toHaveLength(2);
    expect(bed.published(AccountSecurityChanged)).toMatchObject([{ change: 'password_changed' }]);
  });

  test('is refused with a wrong current password, and ends nothing', async () => {
    const { bed, caller, login } = await withAnna();
    const { refreshToken } = await login();
    const call = bed.call('changePassword', { ...change, currentPassword: 'guess' }, { caller });
    await expect(call).rejects.toMatchObject({
      code: Code.FAILED_PRECONDITION,
      details: { reason: 'wrong_password' },
    });
    await expect(login()).resolves.toBeDefined();
    const refresh = bed.call('refresh', { refreshToken }, { caller: anonymous });
    await expect(refresh).resolves.toBeDefined();
  });

  test.each(['password1', 'ANNA@example.com', 'short'])(
    'to %j is refused with the name of the field',
    async (password) => {
      const { bed, caller } = await withAnna();
      const request = { ...change, newPassword: password };
      await expect(bed.call('changePassword', request, { caller })).rejects.toMatchObject({
        code: Code.INVALID_ARGUMENT,
        details: { fields: [{ field: 'newPassword' }] },
      });
    },
  );

  test('is for signed-in users', async () => {
    const { bed } = await withAnna();
    await expect(bed.call('changePassword', change, { caller: anonymous })).rejects.toMatchObject({
      code: Code.UNAUTHENTICATED,
    });
  });

  test('leaves no session of a login with the old one that was under way', async () => {
    const { bed, caller, login } = await withAnna();
    const results = await Promise.allSettled([
      login(),
      bed.call('changePassword', change, { caller }),
      login(),
    ]);
    expect(results[1].status).toBe('fulfilled');
    const { items } = await bed.call('listSessions', {}, { caller });
    expect(items).toHaveLength(1);
  });

  test('ends in the same state after a crash, redelivery or conflict at any point', async () => {
    let userId = '';
    const prepare = async () => {
      const prepared = await withAnna();
      ({ userId } = prepared);
      await prepared.bed.call('login', anna, { caller: anonymous, id: 'l1' });
      return prepared.bed;
    };
    const act = (bed: Bed) =>
      bed.call('changePassword', change, {
        caller: { ...anonymous, userId, role: 'customer' },
        id: 'c1',
      });
    await expectCrashSafe(prepare, act, { ignore });
  });
});

describe('resetting a password', () => {
  const request = (bed: Bed, email = anna.email) =>
    bed.call('requestPasswordReset', { email }, { caller: anonymous });
  const reset = (bed: Bed, token: string, password = newPassword) =>
    bed.call('resetPassword', { token, newPassword: password }, { caller: anonymous });

  test('takes the token of an e-mail, ends all sessions and verifies the address', async () => {
    const { bed, caller, login } = await withAnna();
    const { refreshToken } = await login();
    await request(bed, ' ANNA@example.com');
    await reset(bed, await mailedToken(bed));
    await expect(login()).rejects.toMatchObject(wrongCredentials);
    await expect(login(newPassword)).resolves.toBeDefined();
    const refresh = bed.call('refresh', { refreshToken }, { caller: anonymous });
    await expect(refresh).rejects.toMatchObject(signedOut);
    expect(await bed.call('getProfile', {}, { caller })).toMatchObject({ emailVerified: true });
    expect(bed.published(AccountSecurityChanged)).toMatchObject([{ change: 'password_reset' }]);
  });

  test('works once for each token, and a later e-mail is void as well', async () => {
    const { bed } = await withAnna();
    await request(bed);
    const first = await mailedToken(bed);
    await request(bed);
    const second = await mailedToken(bed);
    expect(second).not.toBe(first);
    await reset(bed, first);
    for (const token of [first, second]) {
      await expect(reset(bed, token, 'a third horse')).rejects.toMatchObject(notValid);
    }
  });

  test('works once when two uses of a token race', async () => {
    const { bed } = await withAnna();
    await request(bed);
    const token = await mailedToken(bed);
    const both = await Promise.allSettled([reset(bed, token), reset(bed, token, 'a third horse')]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  test('is refused after 30 minutes', async () => {
    const { bed } = await withAnna();
    await request(bed);
    const token = await mailedToken(bed);
    bed.clock.advance(30 * MINUTE);
    await expect(reset(bed, token)).rejects.toMatchObject(notValid);
  });

  test('is refused with a made-up token or one of another kind', async () => {
    const { bed, userId } = await withAnna();
    // the e-mail of the registration verifies the address
    const verification = await mailedToken(bed);
    for (const token of [
      verification,
      `${userId}.mail_1.${'x'.repeat(43)}`,
      `user_1.mail_1.${'x'.repeat(43)}`,
    ]) {
      await expect(reset(bed, token)).rejects.toMatchObject(notValid);
    }
    await expect(reset(bed, 'x')).rejects.toMatchObject({
      details: { fields: [{ field: 'token' }] },
    });
  });

  test('to a common password is refused, and the token stays valid', async () => {
    const { bed } = await withAnna();
    await request(bed);
    const token = await mailedToken(bed);
    await expect(reset(bed, token, 'password1')).rejects.toMatchObject({
      details: { fields: [{ field: 'newPassword' }] },
    });
    await expect(reset(bed, token)).resolves.toBeDefined();
  });

  test('is requested with the same response and the same work for an unknown address', async () => {
    const { bed } = await withAnna();
    const { onPublish } = bed.sidecar;
    const work = async (email: string) => {
      // the command waits, so that only the work of the request is counted
      const commands: Parameters<typeof onPublish>[0][] = [];
      bed.sidecar.onPublish = (event) => commands.push(event);
      const { effects } = bed.sidecar;
      const response = await request(bed, email);
      const done = { response, effects: bed.sidecar.effects - effects };
      bed.sidecar.onPublish = onPublish;
      commands.forEach(onPublish);
      await bed.settle();
      return done;
    };
    expect(await work('bert@example.com')).toEqual(await work(anna.email));
    expect(bed.published(AccountMailRequested).map(({ kind }) => kind)).toEqual([
      'verify_email',
      'reset_password',
    ]);
    expect([...bed.memory.documents.keys()].filter((key) => key.startsWith('reset'))).toEqual([]);
  });

  test('sends at most three e-mails an hour', async () => {
    const { bed } = await withAnna();
    const sent = () =>
      bed.published(AccountMailRequested).filter(({ kind }) => kind === 'reset_password').length;
    for (let count = 1; count <= 5; count++) {
      await request(bed);
      await bed.settle();
    }
    expect(sent()).toBe(3);
    bed.clock.advance(60 * MINUTE);
    await request(bed);
    await bed.settle();
    expect(sent()).toBe(4);
  });

  test('sends no e-mail to a blocked user, whose earlier token is void', async () => {
    const { bed, userId } = await withAnna();
    await request(bed);
    const token = await mailedToken(bed);
    await withUser(bed, userId, { email: anna.email, blockedAt: '2026-01-01T00:00:00.000Z' });
    await expect(reset(bed, token)).rejects.toMatchObject(notValid);
    const before = bed.published(AccountMailRequested).length;
    await request(bed);
    await bed.settle();
    expect(bed.published(AccountMailRequested)).toHaveLength(before);
  });

  test('stores and publishes neither the token nor, for longer than it takes, the address', async () => {
    const { bed } = await withAnna();
    await request(bed);
    const token = await mailedToken(bed);
    const secret = token.split('.')[2] ?? '?';
    const kept = JSON.stringify([[...bed.memory.documents], bed.memory.events]);
    expect(kept).not.toContain(secret);
    expect(JSON.stringify(bed.memory.events)).not.toContain(anna.email);
  });

  test('gives the token to services only', async () => {
    const { bed, userId, caller } = await withAnna();
    const [{ mailId } = { mailId: '' }] = bed.published(AccountMailRequested);
    for (const each of [caller, anonymous, { ...caller, role: 'admin' } as const]) {
      const call = bed.call('getAccountMail', { userId, mailId }, { caller: each });
      await expect(call).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
    }
  });

  test('is requested with the same effects, wherever the process is killed', async () => {
    const prepare = async () => (await withAnna()).bed;
    await expectCrashSafe(
      prepare,
      async (bed) => {
        await bed.call(
          'requestPasswordReset',
          { email: anna.email },
          { caller: anonymous, id: 'r' },
        );
        // the command is handled after the response
        await bed.settle();
      },
      { ignore },
    );
    const withRequest = async () => {
      const bed = await prepare();
      await bed.context().resetRequests.update('r1', () => ({ email: anna.email }));
      return bed;
    };
    await expectCrashSafe(
      withRequest,
      (bed) => bed.handleEvent(SendPasswordReset, { requestId: 'r1' }, { id: 'e1' }),
      { ignore },
    );
  });

  test('ends in the same state after a crash, redelivery or conflict at any point', async () => {
    let token = '';
    const prepare = async () => {
      const { bed } = await withAnna();
      await bed.call('login', anna, { caller: anonymous, id: 'l1' });
      await bed.call(
        'requestPasswordReset',
        { email: anna.email },
        { caller: anonymous, id: 'r1' },
      );
      token = await mailedToken(bed);
      return bed;
    };
    const act = (bed: Bed) =>
      bed.call('resetPassword', { token, newPassword }, { caller: anonymous, id: 'c1' });
    await expectCrashSafe(prepare, act, { ignore });
  });
});
