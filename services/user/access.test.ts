import { describe, expect, test } from '@jest/globals';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { Code } from '#kit/core/errors';
import { versionOf } from '#kit/core/precondition';
import { fromTimestamp } from '#kit/core/timestamps';
import { AccountAccessChanged } from '#contracts/user';
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
    changeRole: (role: string, id?: string) =>
      bed.call(
        'changeRole',
        { userId, role },
        { caller: admin, ...(id === undefined ? {} : { id }) },
      ),
  };
}
const ignore = ['passwordHash', 'keys'];

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
    const block = (bed: Bed) => bed.call('blockUser', { userId }, { caller: admin, id: 'b1' });
    await expectCrashSafe(withSession, block, { ignore });
    const blocked = async () => {
      const bed = await withSession();
      await block(bed);
      await bed.settle();
      return bed;
    };
    const unblock = (bed: Bed) => bed.call('unblockUser', { userId }, { caller: admin, id: 'u1' });
    await expectCrashSafe(blocked, unblock, { ignore });
  });
});

describe('a changed role', () => {
  test('is that of the next sign-in, and ends every session of the earlier one', async () => {
    const { bed, login, changeRole, userId } = await prepared();
    const { refreshToken } = await login();
    expect(await changeRole('seller')).toMatchObject({ userId, role: 'seller', blocked: false });
    const refresh = bed.call('refresh', { refreshToken }, { caller: anonymous });
    await expect(refresh).rejects.toMatchObject({ code: Code.UNAUTHENTICATED });
    const { sessions } = await bed.call('getEndedSessions', {}, { caller: service });
    expect(sessions.map(({ sessionId }) => sessionId)).toEqual([refreshToken.split('.')[1]]);
    expect((await login()).user?.role).toBe('seller');
  });

  test('leaves no session of a sign-in that was under way', async () => {
    const { bed, caller, login, changeRole } = await prepared();
    await Promise.allSettled([login(), changeRole('seller'), login()]);
    expect((await bed.call('listSessions', {}, { caller })).items).toEqual([]);
  });

  test('is announced once, and not if the user has the role', async () => {
    const { bed, changeRole, userId } = await prepared();
    await changeRole('seller');
    await changeRole('seller');
    await changeRole('customer');
    const at = '2026-01-01T00:00:00.000Z';
    expect(bed.published(AccountAccessChanged)).toEqual([
      { userId, change: 'role_changed', role: 'seller', at },
      { userId, change: 'role_changed', role: 'customer', at },
    ]);
  });

  test('decides what the API keys of the user may be', async () => {
    const { bed, changeRole, userId } = await prepared();
    await changeRole('seller');
    const fields = { name: 'ERP', role: 'seller', scopes: ['orders:read'], ownerId: userId };
    const { key } = await bed.call('createApiKey', fields, { caller: admin });
    await changeRole('customer');
    await expect(
      bed.call('authenticateApiKey', { key }, { caller: service }),
    ).rejects.toMatchObject({ code: Code.UNAUTHENTICATED });
  });

  test.each([
    ['userId', { userId: 'no id!' }],
    ['role', { role: 'service' }],
    ['role', { role: '' }],
    ['role', { role: 'root' }],
  ])('with an invalid %s is refused with its name', async (field, change) => {
    const { bed, userId } = await prepared();
    const request = { userId, role: 'seller', ...change };
    await expect(bed.call('changeRole', request, { caller: admin })).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: { fields: [{ field }] },
    });
  });

  test('is made in the same way, wherever the process is killed', async () => {
    let userId = '';
    const withSession = async () => {
      const { bed, ...rest } = await prepared();
      ({ userId } = rest);
      await bed.call('login', anna, { caller: anonymous, id: 'l1' });
      return bed;
    };
    const promote = (bed: Bed) =>
      bed.call('changeRole', { userId, role: 'seller' }, { caller: admin, id: 'r1' });
    await expectCrashSafe(withSession, promote, { ignore });
    const withTwoAdmins = async () => {
      const bed = await withSession();
      await bed.call('changeRole', { userId, role: 'admin' }, { caller: admin, id: 'r0' });
      await bed.call('login', anna, { caller: anonymous, id: 'l2' });
      await bed.settle();
      return bed;
    };
    await expectCrashSafe(withTwoAdmins, promote, { ignore });
  });
});

describe('the sessions of a user', () => {
  test('are ended by an admin, and the user is notified if there were any', async () => {
    const { bed, login, userId } = await prepared();
    await login();
    await login();
    const end = () => bed.call('endUserSessions', { userId }, { caller: admin });
    expect(await end()).toMatchObject({ endedSessions: 2 });
    expect(await end()).toMatchObject({ endedSessions: 0 });
    expect((await bed.call('getEndedSessions', {}, { caller: service })).sessions).toHaveLength(2);
    expect(bed.published(AccountAccessChanged)).toMatchObject([{ userId, change: 'signed_out' }]);
  });

  test('are ended in the same way, wherever the process is killed', async () => {
    let userId = '';
    const withSession = async () => {
      const { bed, ...rest } = await prepared();
      ({ userId } = rest);
      await bed.call('login', anna, { caller: anonymous, id: 'l1' });
      return bed;
    };
    const end = (bed: Bed) => bed.call('endUserSessions', { userId }, { caller: admin, id: 'e1' });
    await expectCrashSafe(withSession, end, { ignore });
  });
});

describe('the last admin', () => {
  const asAdmin = (userId: string) => ({ caller: { ...admin, userId } });

  test('cannot give up the role, and another admin can', async () => {
    const { bed, changeRole, login, userId } = await prepared();
    const demoteRoot = () =>
      bed.call('changeRole', { userId: admin.userId, role: 'customer' }, { caller: admin });
    await expect(demoteRoot()).rejects.toMatchObject({
      code: Code.FAILED_PRECONDITION,
      details: { reason: 'last_admin' },
    });
    await changeRole('admin');
    // not yet: the new admin may never sign in
    await expect(demoteRoot()).rejects.toMatchObject({ details: { reason: 'last_admin' } });
    await login();
    expect(await demoteRoot()).toMatchObject({ role: 'customer' });
    const last = bed.call('changeRole', { userId, role: 'seller' }, asAdmin(userId));
    await expect(last).rejects.toMatchObject({ details: { reason: 'last_admin' } });
  });

  test('remains when two admins take the role from each other, or block each other', async () => {
    for (const method of ['changeRole', 'blockUser'] as const) {
      const { bed, changeRole, login, userId } = await prepared();
      await changeRole('admin');
      await login();
      const request = (target: string) => ({ userId: target, role: 'customer' });
      const results = await Promise.allSettled([
        bed.call(method, request(admin.userId), asAdmin(userId)),
        bed.call(method, request(userId), { caller: admin }),
      ]);
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      const users = await Promise.all(
        [userId, admin.userId].map((id) => bed.context().users.getOrThrow(id)),
      );
      const active = users.filter((each) => each.role === 'admin' && each.blockedAt === undefined);
      expect(active).toHaveLength(1);
    }
  });

  test('remains when an admin signs in while the role is taken away', async () => {
    const { bed, changeRole, login, userId } = await prepared();
    await changeRole('admin');
    await login();
    await Promise.allSettled([changeRole('seller'), login(), login()]);
    const alone = bed.call(
      'changeRole',
      { userId: admin.userId, role: 'customer' },
      { caller: admin },
    );
    await expect(alone).rejects.toMatchObject({ details: { reason: 'last_admin' } });
    expect((await bed.context().users.getOrThrow(userId)).role).toBe('seller');
  });

  test('is an admin again after being unblocked', async () => {
    const { bed, changeRole, login, block, unblock, userId } = await prepared();
    await changeRole('admin');
    await login();
    await block();
    const demote = () =>
      bed.call('changeRole', { userId: admin.userId, role: 'customer' }, { caller: admin });
    await expect(demote()).rejects.toMatchObject({ details: { reason: 'last_admin' } });
    await unblock();
    expect(await demote()).toMatchObject({ userId: admin.userId });
    expect((await bed.call('getUser', { userId }, asAdmin(userId))).blocked).toBe(false);
  });
});

describe('an API key of an admin', () => {
  async function withKey() {
    const { bed, ...rest } = await prepared();
    const scopes = ['admin:write', 'admin:read'];
    const fields = { name: 'Tool', role: 'admin', scopes };
    const { keyId } = await bed.call('createApiKey', fields, { caller: admin });
    const caller = { ...admin, userId: keyId, ownerId: admin.userId };
    return { bed, ...rest, key: { caller } };
  }

  test.each(['seller', 'admin', 'customer'])('cannot change a role to %s', async (role) => {
    const { bed, userId, key } = await withKey();
    const call = bed.call('changeRole', { userId, role }, key);
    await expect(call).rejects.toMatchObject({
      code: Code.PERMISSION_DENIED,
      message: 'An API key cannot change a role: sign in.',
    });
  });

  test.each(['blockUser', 'unblockUser', 'endUserSessions'] as const)(
    '%s is for customers and sellers, not for admins',
    async (method) => {
      const { bed, userId, key, login } = await withKey();
      await login();
      await expect(bed.call(method, { userId }, key)).resolves.toBeDefined();
      await withUser(bed, 'other', { role: 'admin' });
      for (const target of [admin.userId, 'other']) {
        await expect(bed.call(method, { userId: target }, key)).rejects.toMatchObject({
          code: Code.PERMISSION_DENIED,
        });
      }
    },
  );
});

test.each(['changeRole', 'endUserSessions', 'listUsers', 'getUser'] as const)(
  '%s is for admins only, whose role is looked up here',
  async (method) => {
    const { bed, userId, caller } = await prepared();
    for (const each of [
      caller,
      anonymous,
      service,
      { ...caller, role: 'admin' } as const,
      { ...admin, userId: 'unknown' },
      { ...admin, userId: '' },
      { ...admin, tenantId: 'other' },
    ]) {
      const call = bed.call(method, { userId, role: 'seller' }, { caller: each });
      await expect(call).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
    }
  },
);

test.each(['changeRole', 'endUserSessions', 'getUser'] as const)(
  '%s of an unknown user is NOT_FOUND',
  async (method) => {
    const { bed } = await prepared();
    const call = bed.call(method, { userId: 'nobody', role: 'seller' }, { caller: admin });
    await expect(call).rejects.toMatchObject({ code: Code.NOT_FOUND });
  },
);

describe('a change of access on a condition', () => {
  const failed = { details: { reason: 'precondition_failed' } };
  const precondition = { match: ['0'] };

  test.each(['blockUser', 'changeRole'] as const)(
    'that is false leaves an admin an active admin: %s',
    async (method) => {
      const { bed } = await prepared();
      await withUser(bed, 'ada', { role: 'admin' });
      const ada = { ...admin, userId: 'ada' };
      const request = { userId: 'ada', role: 'seller' };
      await expect(
        bed.call(method, request, { caller: admin, precondition }),
      ).rejects.toMatchObject(failed);
      // as one of two admins, this one may leave
      const left = bed.call(
        'changeRole',
        { userId: admin.userId, role: 'seller' },
        { caller: ada },
      );
      await expect(left).resolves.toMatchObject({ role: 'seller' });
      expect(bed.published(AccountAccessChanged)).toHaveLength(1);
    },
  );

  test('that is true is made, and is false for the version before', async () => {
    const { bed, userId } = await prepared();
    const account = () => bed.call('getUser', { userId }, { caller: admin });
    const { updatedAt } = await account();
    const match = updatedAt === undefined ? [] : [versionOf(fromTimestamp(updatedAt))];
    const block = () =>
      bed.call('blockUser', { userId }, { caller: admin, precondition: { match } });
    expect(await block()).toMatchObject({ blocked: true });
    await expect(block()).rejects.toMatchObject(failed);
    expect((await account()).updatedAt).not.toEqual(updatedAt);
  });
});
