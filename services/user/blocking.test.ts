import { describe, expect, test } from '@jest/globals';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { Code } from '#kit/core/errors';
import { type Bed, admin, anna, anonymous, service, withAnna, withUser } from './testing';

async function prepared() {
  const { bed, ...rest } = await withAnna();
  await withUser(bed, admin.userId, { role: 'admin' });
  const { userId } = rest;
  return {
    bed,
    ...rest,
    block: () => bed.call('blockUser', { userId }, { caller: admin }),
    unblock: () => bed.call('unblockUser', { userId }, { caller: admin }),
  };
}

describe('a blocked user', () => {
  test('is signed out everywhere and cannot sign in until unblocked', async () => {
    const { bed, login, block, unblock } = await prepared();
    const { refreshToken } = await login();
    expect(await block()).toMatchObject({ blocked: true });
    await expect(
      bed.call('refresh', { refreshToken }, { caller: anonymous }),
    ).rejects.toMatchObject({ code: Code.UNAUTHENTICATED });
    expect((await bed.call('getEndedSessions', {}, { caller: service })).sessions).toHaveLength(1);
    await expect(login()).rejects.toMatchObject({
      code: Code.PERMISSION_DENIED,
      details: { reason: 'account_blocked' },
    });
    // a wrong password does not tell that the account is blocked
    await expect(login('a guess')).rejects.toMatchObject({
      details: { reason: 'wrong_credentials' },
    });
    await unblock();
    await expect(login()).resolves.toBeDefined();
  });

  test('keeps no session of a login that was under way', async () => {
    const { bed, caller, login, block } = await prepared();
    await Promise.allSettled([login(), block(), login()]);
    expect((await bed.call('listSessions', {}, { caller })).items).toEqual([]);
  });

  test('is blocked by an admin only, whose role is looked up here', async () => {
    const { bed, userId, caller } = await prepared();
    const refused = { code: Code.PERMISSION_DENIED };
    for (const each of [
      caller,
      anonymous,
      service,
      // a role that the account of the caller does not have
      { ...caller, role: 'admin' } as const,
      { ...admin, userId: 'unknown' },
      { ...admin, userId: '' },
    ]) {
      for (const method of ['blockUser', 'unblockUser'] as const) {
        const call = bed.call(method, { userId }, { caller: each });
        await expect(call).rejects.toMatchObject(refused);
      }
    }
    const self = bed.call('blockUser', { userId: admin.userId }, { caller: admin });
    await expect(self).rejects.toMatchObject({ code: Code.FAILED_PRECONDITION });
    const unknown = bed.call('blockUser', { userId: 'nobody' }, { caller: admin });
    await expect(unknown).rejects.toMatchObject({ code: Code.NOT_FOUND });
  });

  test('is blocked and unblocked in the same way, wherever the process is killed', async () => {
    let userId = '';
    const withSession = async () => {
      const { bed, ...rest } = await prepared();
      ({ userId } = rest);
      await bed.call('login', anna, { caller: anonymous, id: 'l1' });
      return bed;
    };
    const ignore = ['passwordHash', 'keys'];
    const block = (bed: Bed) => bed.call('blockUser', { userId }, { caller: admin, id: 'b1' });
    await expectCrashSafe(withSession, block, { ignore });
    const blocked = async () => {
      const bed = await withSession();
      await block(bed);
      return bed;
    };
    const unblock = (bed: Bed) => bed.call('unblockUser', { userId }, { caller: admin, id: 'u1' });
    await expectCrashSafe(blocked, unblock, { ignore });
  });
});
