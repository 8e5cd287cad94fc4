import { describe, expect, test } from '@jest/globals';
import type { Role } from '#kit/core/caller';
import { Code } from '#kit/core/errors';
import { testbed } from '#kit/testing/testbed';
import { user } from './service';

const build = () => testbed(user, { config: { PASSWORD_COST: 4 } });
const as = (role: Role, tenantId = 'default') => ({ caller: { userId: 'u1', role, tenantId } });
const admin = as('admin');
const service = as('service');
const fields = { name: 'ERP', role: 'seller', scopes: ['orders:read', 'products:write'] };

describe('an API key', () => {
  test('authenticates its integration until it is revoked', async () => {
    const bed = build();
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
    const bed = build();
    const { key, keyId } = await bed.call('createApiKey', fields, admin);
    const secret = key.split('.')[1] ?? '?';
    expect(secret).toHaveLength(43);
    expect(JSON.stringify([...bed.memory.documents, bed.memory.events])).not.toContain(secret);
    const { items, total } = await bed.call('listApiKeys', {}, admin);
    expect(total).toBe(1);
    expect(items).toMatchObject([{ keyId, ...fields }]);
    expect(items.map((item) => Object.keys(item).sort())).toEqual([
      ['$typeName', 'createdAt', 'keyId', 'name', 'role', 'scopes'],
    ]);
  });

  test('is the same for a repeat under one Idempotency-Key, which a different request cannot use', async () => {
    const bed = build();
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
      const bed = build();
      await expect(bed.call('authenticateApiKey', { key }, service)).rejects.toMatchObject({
        code: Code.UNAUTHENTICATED,
      });
    },
  );

  test('is not valid in another tenant', async () => {
    const bed = build();
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
    const created = build().call('createApiKey', { ...fields, ...invalid }, admin);
    await expect(created).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: { fields: [{ field }] },
    });
  });

  test.each(['customer', 'seller', 'anonymous'] as const)(
    'cannot be created, listed, revoked or checked by a %s',
    async (role) => {
      const bed = build();
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
