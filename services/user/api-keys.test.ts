import { describe, expect, test } from '@jest/globals';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { Role } from '#kit/core/caller';
import { Code } from '#kit/core/errors';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { type Bed, build as emptyBed, withUser } from './testing';

async function build(): Promise<Bed> {
  const bed = emptyBed();
  for (const tenantId of ['default', 'other'])
    await withUser(bed, 'u1', { role: 'admin' }, tenantId);
  return bed;
}
const as = (role: Role, tenantId = 'default') => ({ caller: { userId: 'u1', role, tenantId } });
const admin = as('admin');
const service = as('service');
const fields = { name: 'ERP', role: 'seller', scopes: ['orders:read', 'products:write'] };

describe('an API key', () => {
  test('authenticates its integration until it is revoked', async () => {
    const bed = await build();
    const { key, keyId } = await bed.call('createApiKey', fields, admin);
    expect(await bed.call('authenticateApiKey', { key }, service)).toMatchObject({
      keyId,
      role: 'seller',
      tenantId: 'default',
      scopes: ['orders:read', 'products:write'],
    });
    await bed.call('revokeApiKey', { keyId }, admin);
    await expect(bed.call('authenticateApiKey', { key }, service)).rejects.toMatchObject({
      code: Code.UNAUTHENTICATED,
    });
    await expect(bed.call('revokeApiKey', { keyId }, admin)).rejects.toMatchObject({
      code: Code.NOT_FOUND,
    });
    expect((await bed.call('listApiKeys', {}, admin)).items).toEqual([]);
  });

  test('is returned once and stored as a hash; lists show everything else', async () => {
    const bed = await build();
    const { key, keyId } = await bed.call('createApiKey', fields, admin);
    const secret = key.split('.')[1] ?? '?';
    expect(secret).toHaveLength(43);
    expect(JSON.stringify([...bed.memory.documents, bed.memory.events])).not.toContain(secret);
    const { items, total } = await bed.call('listApiKeys', {}, admin);
    expect(total).toBe(1);
    expect(items).toMatchObject([{ keyId, ...fields }]);
    expect(items.map((item) => Object.keys(item).sort())).toEqual([
      [
        '$typeName',
        'createdAt',
        'createdBy',
        'expiresAt',
        'keyId',
        'name',
        'ownerId',
        'role',
        'scopes',
      ],
    ]);
  });

  test('is the same for a repeat under one Idempotency-Key, which a different request cannot use', async () => {
    const bed = await build();
    const options = { ...admin, id: 'cause_1', hasIdempotencyKey: true };
    const { key } = await bed.call('createApiKey', fields, options);
    expect((await bed.call('createApiKey', fields, options)).key).toBe(key);
    const other = { ...fields, scopes: ['orders:write'] };
    await expect(bed.call('createApiKey', other, options)).rejects.toMatchObject({
      details: { fields: [{ field: 'Idempotency-Key' }] },
    });
    expect((await bed.call('listApiKeys', {}, admin)).total).toBe(1);
  });

  test.each(['', 'x', 'key_1', `key_1.${'x'.repeat(43)}`, '../x.y', 'emails.x'])(
    'that was not issued is refused: %p',
    async (key) => {
      const bed = await build();
      await expect(bed.call('authenticateApiKey', { key }, service)).rejects.toMatchObject({
        code: Code.UNAUTHENTICATED,
      });
    },
  );

  test('is not valid in another tenant', async () => {
    const bed = await build();
    const { key } = await bed.call('createApiKey', fields, as('admin', 'other'));
    await expect(bed.call('authenticateApiKey', { key }, service)).rejects.toMatchObject({
      code: Code.UNAUTHENTICATED,
    });
  });

  test.each([
    ['role', { role: 'service' }],
    ['scopes', { scopes: [] }],
    ['scopes.0', { scopes: ['everything'] }],
    ['name', { name: '' }],
  ])('with an invalid field is refused with the name of the field: %s', async (field, invalid) => {
    const created = (await build()).call('createApiKey', { ...fields, ...invalid }, admin);
    await expect(created).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: { fields: [{ field }] },
    });
  });

  test.each(['customer', 'seller', 'anonymous'] as const)(
    'cannot be created, listed, revoked or checked by a %s',
    async (role) => {
      const bed = await build();
      const refused = { code: Code.PERMISSION_DENIED };
      await expect(bed.call('createApiKey', fields, as(role))).rejects.toMatchObject(refused);
      await expect(bed.call('listApiKeys', {}, as(role))).rejects.toMatchObject(refused);
      await expect(bed.call('revokeApiKey', { keyId: 'k' }, as(role))).rejects.toMatchObject(
        refused,
      );
      const key = { key: 'k.x' };
      await expect(bed.call('authenticateApiKey', key, as(role))).rejects.toMatchObject(refused);
    },
  );
});

describe('a chain of API keys', () => {
  const DAY = 24 * 3_600_000;
  const maker = { name: 'Maker', role: 'admin', scopes: ['api-keys:write', 'orders:read'] };
  const child = { name: 'Child', role: 'seller', scopes: ['orders:read'] };
  const asKey = (userId: string) => ({ caller: { ...admin.caller, userId } });
  const isValid = (bed: Bed, key: string) =>
    bed.call('authenticateApiKey', { key }, service).then(
      () => true,
      () => false,
    );

  async function withChain() {
    const bed = await build();
    const parent = await bed.call('createApiKey', maker, admin);
    const made = await bed.call('createApiKey', child, asKey(parent.keyId));
    return { bed, parent, made };
  }

  test('shows who created each of them, and belongs to the user who created the first', async () => {
    const { bed, parent, made } = await withChain();
    expect([parent.createdBy, made.createdBy]).toEqual(['u1', parent.keyId]);
    const { items } = await bed.call('listApiKeys', {}, admin);
    expect(items).toMatchObject([{ createdBy: parent.keyId }, { createdBy: 'u1' }]);
    const { key } = made;
    expect(await bed.call('authenticateApiKey', { key }, service)).toMatchObject({ ownerId: 'u1' });
  });

  test.each([
    ['a scope that the key lacks', { scopes: ['orders:read', 'orders:write'] }],
    ['an unlimited scope', { scopes: ['admin:read'] }],
  ])('never grows in rights: %s', async (_, more) => {
    const { bed, parent } = await withChain();
    const call = bed.call('createApiKey', { ...child, ...more }, asKey(parent.keyId));
    await expect(call).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
    expect((await bed.call('listApiKeys', {}, admin)).total).toBe(2);
  });

  test('never grows in rights: the role of an admin, by the key of a seller', async () => {
    const bed = await build();
    const scopes = ['api-keys:write'];
    const { keyId } = await bed.call('createApiKey', { ...child, scopes }, admin);
    for (const role of ['seller', 'admin'] as const) {
      const caller = { ...asKey(keyId).caller, role };
      const call = bed.call('createApiKey', { ...child, scopes, role: 'admin' }, { caller });
      await expect(call).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
    }
  });

  test('continues only with a key that may create keys', async () => {
    const { bed } = await withChain();
    const plain = await bed.call('createApiKey', { ...maker, scopes: ['orders:read'] }, admin);
    await expect(bed.call('createApiKey', child, asKey(plain.keyId))).rejects.toMatchObject({
      code: Code.PERMISSION_DENIED,
      message: expect.stringContaining('api-keys:write') as unknown,
    });
  });

  test('has three keys at most', async () => {
    const { bed, parent } = await withChain();
    const second = await bed.call('createApiKey', maker, asKey(parent.keyId));
    const third = await bed.call('createApiKey', maker, asKey(second.keyId));
    expect(await isValid(bed, third.key)).toBe(true);
    const fourth = bed.call('createApiKey', child, asKey(third.keyId));
    await expect(fourth).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
  });

  test('ends with its first key, and the revocation lists every key', async () => {
    const { bed, parent, made } = await withChain();
    const other = await bed.call('createApiKey', fields, admin);
    const { keyId } = parent;
    const { keyIds } = await bed.call('revokeApiKey', { keyId }, admin);
    expect(keyIds).toEqual([made.keyId, keyId]);
    expect([await isValid(bed, parent.key), await isValid(bed, made.key)]).toEqual([false, false]);
    expect(await isValid(bed, other.key)).toBe(true);
    expect((await bed.call('listApiKeys', {}, admin)).items).toMatchObject([
      { keyId: other.keyId },
    ]);
  });

  test('is invalid while its user is blocked, and after the user lost the role or the account', async () => {
    const { bed, made } = await withChain();
    const { users } = bed.context();
    await withUser(bed, 'u1', { role: 'admin', blockedAt: '2026-01-01T00:00:00.000Z' });
    expect(await isValid(bed, made.key)).toBe(false);
    await withUser(bed, 'u1', { role: 'admin' });
    expect(await isValid(bed, made.key)).toBe(true);
    await withUser(bed, 'u1', { role: 'customer' });
    expect(await isValid(bed, made.key)).toBe(false);
    await users.delete('u1');
    expect(await isValid(bed, made.key)).toBe(false);
  });

  test('expires: after 90 days, or those that were asked for, and never after the key before', async () => {
    const { bed, parent } = await withChain();
    const lifetime = async (validDays: number, by = admin) => {
      const { expiresAt } = await bed.call('createApiKey', { ...child, validDays }, by);
      return (timestampMs(expiresAt!) - bed.clock.now()) / DAY;
    };
    expect([await lifetime(0), await lifetime(1), await lifetime(365)]).toEqual([90, 1, 365]);
    expect(await lifetime(365, asKey(parent.keyId))).toBe(90);
    for (const validDays of [366, -1]) {
      await expect(lifetime(validDays)).rejects.toMatchObject({
        details: { fields: [{ field: 'validDays' }] },
      });
    }
    bed.clock.advance(90 * DAY - 1);
    expect(await isValid(bed, parent.key)).toBe(true);
    bed.clock.advance(1);
    expect(await isValid(bed, parent.key)).toBe(false);
  });

  test('from before keys expired is valid for a year after it was created', async () => {
    const bed = await build();
    const { key, keyId } = await bed.call('createApiKey', fields, admin);
    await bed.context().apiKeys.update(keyId, (now) => {
      const { name, role, scopes, secretHash, createdAt } = now!;
      return { name, role, scopes, keyId, secretHash, createdAt };
    });
    const { items } = await bed.call('listApiKeys', {}, admin);
    expect(items).toMatchObject([{ createdBy: '' }]);
    bed.clock.advance(365 * DAY - 1);
    expect(await isValid(bed, key)).toBe(true);
    bed.clock.advance(1);
    expect(await isValid(bed, key)).toBe(false);
  });

  test('is created and revoked in the same way, wherever the process is killed', async () => {
    let parent = '';
    const prepare = async () => {
      const bed = await build();
      parent = (await bed.call('createApiKey', maker, { ...admin, id: 'k1' })).keyId;
      return bed;
    };
    await expectCrashSafe(prepare, (bed) =>
      bed.call('createApiKey', child, { ...asKey(parent), id: 'k2' }),
    );
    const withChild = async () => {
      const bed = await prepare();
      await bed.call('createApiKey', child, { ...asKey(parent), id: 'k2' });
      return bed;
    };
    await expectCrashSafe(withChild, (bed) =>
      bed.call('revokeApiKey', { keyId: parent }, { ...admin, id: 'r1' }),
    );
  });

  test('is created by a caller whose own account or key is the one of an admin', async () => {
    const { bed } = await withChain();
    await withUser(bed, 'u2', { role: 'seller' });
    for (const userId of ['u2', 'unknown', '', 'key_unknown']) {
      const call = bed.call('createApiKey', fields, asKey(userId));
      await expect(call).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
    }
  });
});

describe('an API key that manages keys', () => {
  const maker = {
    name: 'Maker',
    role: 'admin',
    scopes: ['api-keys:write', 'api-keys:read', 'orders:read'],
  };
  const child = { name: 'Child', role: 'seller', scopes: ['orders:read'] };
  const asKey = (userId: string) => ({ caller: { ...admin.caller, userId } });

  /** A user's keys: one that creates keys with two generations, its sibling with a child, and a plain one. */
  async function withFamily() {
    const bed = await build();
    const create = async (given: typeof child, by = admin) =>
      (await bed.call('createApiKey', given, by)).keyId;
    const parent = await create(maker);
    const son = await create(maker, asKey(parent));
    const grandson = await create(child, asKey(son));
    const sibling = await create(maker);
    const nephew = await create(child, asKey(sibling));
    return { bed, parent, son, grandson, sibling, nephew };
  }
  const listed = async (bed: Bed, by = admin) =>
    (await bed.call('listApiKeys', {}, by)).items.map(({ keyId }) => keyId).sort();

  test('sees itself and the keys that come from it; a user sees all', async () => {
    const { bed, parent, son, grandson, sibling, nephew } = await withFamily();
    expect(await listed(bed, asKey(son))).toEqual([son, grandson].sort());
    expect(await listed(bed, asKey(parent))).toEqual([parent, son, grandson].sort());
    expect(await listed(bed)).toEqual([parent, son, grandson, sibling, nephew].sort());
    const page = await bed.call('listApiKeys', { page: 2, limit: 2 }, asKey(parent));
    expect(page).toMatchObject({ page: 2, limit: 2, total: 3, items: [expect.anything()] });
  });

  test('cannot revoke the key that it comes from, a sibling, or a key of a sibling', async () => {
    const { bed, parent, son, sibling, nephew } = await withFamily();
    const before = await listed(bed);
    for (const keyId of [parent, sibling, nephew, 'unknown']) {
      const call = bed.call('revokeApiKey', { keyId }, asKey(son));
      await expect(call).rejects.toMatchObject({
        code: Code.NOT_FOUND,
        message: 'api key not found',
      });
    }
    expect(await listed(bed)).toEqual(before);
  });

  test('can revoke those that come from it, and itself; a user can revoke any', async () => {
    const { bed, parent, son, grandson, sibling, nephew } = await withFamily();
    await bed.call('revokeApiKey', { keyId: grandson }, asKey(parent));
    expect(await listed(bed)).toEqual([parent, son, sibling, nephew].sort());
    await bed.call('revokeApiKey', { keyId: parent }, asKey(parent));
    expect(await listed(bed)).toEqual([sibling, nephew].sort());
    await bed.call('revokeApiKey', { keyId: sibling }, admin);
    expect(await listed(bed)).toEqual([]);
  });
});

describe('an API key for another user', () => {
  const forSally = { ...fields, ownerId: 'sally' };

  async function withSally() {
    const bed = await build();
    await withUser(bed, 'sally', { role: 'seller' });
    await withUser(bed, 'carl', { role: 'customer' });
    return bed;
  }
  const bearerOf = async (bed: Bed, key: string) =>
    bed.call('authenticateApiKey', { key }, service);

  test('belongs to that user, and acts on behalf of that user', async () => {
    const bed = await withSally();
    const made = await bed.call('createApiKey', forSally, admin);
    expect(made).toMatchObject({ createdBy: 'u1', ownerId: 'sally' });
    expect(await bearerOf(bed, made.key)).toMatchObject({ ownerId: 'sally', actsFor: 'sally' });
  });

  test('acts for itself if its role is lower than that of its user', async () => {
    const bed = await withSally();
    const { key } = await bed.call('createApiKey', fields, admin);
    expect(await bearerOf(bed, key)).toMatchObject({ ownerId: 'u1', actsFor: '' });
    const own = await bed.call('createApiKey', { ...fields, role: 'admin' }, admin);
    expect(await bearerOf(bed, own.key)).toMatchObject({ ownerId: 'u1', actsFor: 'u1' });
  });

  test.each(['carl', 'nobody', 'key_1'])(
    'is refused if %s cannot hold its role',
    async (ownerId) => {
      const call = (await withSally()).call('createApiKey', { ...fields, ownerId }, admin);
      await expect(call).rejects.toMatchObject({
        code: Code.INVALID_ARGUMENT,
        details: { fields: [{ field: 'ownerId' }] },
      });
    },
  );

  test('is refused for a user who is blocked, and for a role above that of the user', async () => {
    const bed = await withSally();
    const above = bed.call('createApiKey', { ...forSally, role: 'admin' }, admin);
    await expect(above).rejects.toMatchObject({ details: { fields: [{ field: 'ownerId' }] } });
    await withUser(bed, 'sally', { role: 'seller', blockedAt: '2026-01-01T00:00:00.000Z' });
    const call = bed.call('createApiKey', forSally, admin);
    await expect(call).rejects.toMatchObject({ details: { fields: [{ field: 'ownerId' }] } });
  });

  test.each([
    ['its user is blocked', 'sally', { role: 'seller', blockedAt: '2026-01-01T00:00:00.000Z' }],
    ['its user loses the role', 'sally', { role: 'customer' }],
    ['its creator is blocked', 'u1', { role: 'admin', blockedAt: '2026-01-01T00:00:00.000Z' }],
    ['its creator loses the role', 'u1', { role: 'customer' }],
  ] as const)('is invalid as soon as %s', async (_, userId, change) => {
    const bed = await withSally();
    const { key } = await bed.call('createApiKey', forSally, admin);
    await withUser(bed, userId, change);
    await expect(bearerOf(bed, key)).rejects.toMatchObject({ code: Code.UNAUTHENTICATED });
  });

  test('cannot be created by a key, which creates keys of its own user only', async () => {
    const bed = await withSally();
    const scopes = ['api-keys:write', ...fields.scopes];
    const parent = await bed.call('createApiKey', { ...fields, role: 'admin', scopes }, admin);
    const by = { caller: { ...admin.caller, userId: parent.keyId } };
    await expect(bed.call('createApiKey', forSally, by)).rejects.toMatchObject({
      code: Code.PERMISSION_DENIED,
    });
    const own = await bed.call('createApiKey', { ...fields, ownerId: 'u1' }, by);
    expect(own).toMatchObject({ createdBy: parent.keyId, ownerId: 'u1' });
  });
});

describe('looking up sellers', () => {
  test('finds users and API keys that may sell now, and no others', async () => {
    const bed = await build();
    await withUser(bed, 'sally', { role: 'seller' });
    await withUser(bed, 'carl', { role: 'customer' });
    await withUser(bed, 'bob', { role: 'seller', blockedAt: '2026-01-01T00:00:00.000Z' });
    const { keyId } = await bed.call('createApiKey', fields, admin);
    const short = await bed.call('createApiKey', { ...fields, validDays: 1 }, admin);
    bed.clock.advance(25 * 3_600_000);
    const ids = ['sally', 'u1', 'carl', 'bob', 'nobody', keyId, short.keyId, 'sally'];
    const found = await bed.call('findSellers', { ids }, admin);
    expect([...found.userIds].sort()).toEqual(['sally', 'u1']);
    expect(found.keyIds).toEqual([keyId]);
  });

  test('is for admins, and for 100 ids at most', async () => {
    const bed = await build();
    for (const role of ['anonymous', 'customer', 'seller', 'service'] as const) {
      await expect(bed.call('findSellers', { ids: ['u1'] }, as(role))).rejects.toMatchObject({
        code: Code.PERMISSION_DENIED,
      });
    }
    const ids = Array.from({ length: 101 }, (_, n) => `user_${n}`);
    await expect(bed.call('findSellers', { ids }, admin)).rejects.toMatchObject({
      details: { fields: [{ field: 'ids' }] },
    });
  });
});
