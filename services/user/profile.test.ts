import { describe, expect, jest, test } from '@jest/globals';
import type { Caller } from '#kit/core/caller';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { Code, unavailable } from '#kit/core/errors';
import { versionOf } from '#kit/core/precondition';
import { testbed } from '#kit/testing/testbed';
import { UpdateUser, UserUpdated } from '#contracts/user';
import { user } from './service';
import { config } from './testing';

const AT = '2025-12-01T00:00:00.000Z';
const anna: Caller = { userId: 'anna', role: 'customer', tenantId: 'default' };
const service: Caller = { userId: '', role: 'service', tenantId: 'default' };

async function build() {
  const bed = testbed(user, { config });
  await bed.context().users.update('anna', () => ({
    userId: 'anna',
    email: 'anna@example.com',
    name: 'Anna',
    role: 'customer',
    phone: '+4930123456',
    passwordHash: 'h',
    createdAt: AT,
    updatedAt: AT,
  }));
  return bed;
}
type Bed = Awaited<ReturnType<typeof build>>;

describe('a profile', () => {
  test("is the caller's own, without the password", async () => {
    const profile = await (await build()).call('getProfile', {}, { caller: anna });
    expect(profile).toMatchObject({
      userId: 'anna',
      email: 'anna@example.com',
      name: 'Anna',
      role: 'customer',
      phone: '+4930123456',
    });
    expect(Object.keys(profile)).not.toContain('passwordHash');
  });

  test.each([
    ['an anonymous caller', { ...service, role: 'anonymous' } as const, Code.UNAUTHENTICATED],
    ['a service', service, Code.UNAUTHENTICATED],
    ['a user of another tenant', { ...anna, tenantId: 'other' }, Code.NOT_FOUND],
    ['a user who no longer exists', { ...anna, userId: 'bert' }, Code.NOT_FOUND],
  ])('is not available to %s', async (_, caller, code) => {
    const bed = await build();
    await expect(bed.call('getProfile', {}, { caller })).rejects.toMatchObject({ code });
    const change = bed.call('updateProfile', { name: 'Eve' }, { caller });
    await expect(change).rejects.toMatchObject({ code });
    expect(bed.published(UserUpdated)).toEqual([]);
  });
});

describe('updating a profile', () => {
  test('changes the given fields and publishes their names, not their values', async () => {
    const bed = await build();
    bed.clock.advance(1000);
    const profile = await bed.call('updateProfile', { name: ' Anna B. ' }, { caller: anna });
    expect(profile).toMatchObject({ name: 'Anna B.', phone: '+4930123456' });
    expect(profile.updatedAt).not.toEqual(profile.createdAt);
    expect(bed.published(UserUpdated)).toEqual([
      { userId: 'anna', changed: ['name'], updatedAt: '2026-01-01T00:00:01.000Z' },
    ]);
    expect(JSON.stringify(bed.memory.events)).not.toContain('Anna B.');
    const left = [...bed.memory.documents.keys()].filter((key) => key.startsWith('revisions'));
    expect(left).toEqual([]);
  });

  test('leaves nothing after a day if its command cannot be published', async () => {
    const bed = await build();
    jest.spyOn(bed.sidecar, 'publish').mockRejectedValue(unavailable('no bus'));
    const call = bed.call('updateProfile', { name: 'Anna B.' }, { caller: anna });
    await expect(call).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    const left = [...bed.memory.documents].filter(([key]) => key.startsWith('revisions'));
    expect(left.map(([, { expires }]) => expires)).toEqual([bed.clock.now() + 24 * 3600 * 1000]);
  });

  test('removes the phone number if it is empty', async () => {
    const bed = await build();
    const profile = await bed.call('updateProfile', { phone: '' }, { caller: anna });
    expect(profile.phone).toBeUndefined();
    expect(bed.published(UserUpdated)).toMatchObject([{ changed: ['phone'] }]);
  });

  test('publishes nothing if nothing changes', async () => {
    const bed = await build();
    await bed.call('updateProfile', { name: 'Anna', phone: '+49 (0)30 123456' }, { caller: anna });
    await bed.call('updateProfile', {}, { caller: anna });
    expect(bed.memory.events).toEqual([]);
  });

  test.each([
    ['name', { name: '' }],
    ['name', { name: 'n'.repeat(101) }],
    ['phone', { phone: 'call me' }],
    ['phone', { phone: `+${'1'.repeat(40)}` }],
  ])('refuses an invalid %s with its name', async (field, part) => {
    const call = (await build()).call('updateProfile', part, { caller: anna });
    await expect(call).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: { fields: [expect.objectContaining({ field })] },
    });
  });

  test('returns the expected profile if the client does not wait', async () => {
    const bed = await build();
    const options = { caller: anna, respondAsync: true };
    const profile = await bed.call('updateProfile', { name: 'Anna B.' }, options);
    expect(profile.name).toBe('Anna B.');
    await bed.settle();
    expect((await bed.context().users.get('anna'))?.name).toBe('Anna B.');
  });

  test('ends in the same state after a crash, redelivery or conflict at any point', async () => {
    const act = (bed: Bed) =>
      bed.call('updateProfile', { name: 'Anna B.', phone: '' }, { caller: anna, id: 'p1' });
    await expectCrashSafe(build, act);
  });

  test('on the condition of a version is made once, and refused on an earlier version', async () => {
    const bed = await build();
    const rename = (name: string, options: object = {}) =>
      bed.call(
        'updateProfile',
        { name },
        { caller: anna, precondition: { match: [versionOf(AT)] }, ...options },
      );
    const retry = { id: 'p1' };
    expect(await rename('Anna B.', retry)).toMatchObject({ name: 'Anna B.' });
    expect(await rename('Anna B.', retry)).toMatchObject({ name: 'Anna B.' });
    for (const name of ['Anna B.', 'Anna C.']) {
      await expect(rename(name)).rejects.toMatchObject({
        details: { reason: 'precondition_failed' },
      });
    }
    expect(bed.published(UserUpdated)).toHaveLength(1);
  });

  test('that is refused leaves no personal data behind', async () => {
    const bed = await build();
    const precondition = { match: ['0'] };
    const change = bed.call('updateProfile', { name: 'Bertha' }, { caller: anna, precondition });
    await expect(change).rejects.toMatchObject({ details: { reason: 'precondition_failed' } });
    await bed.settle();
    const kept = [...bed.memory.documents.values()].filter(({ json }) => json.includes('Bertha'));
    const tomorrow = bed.clock.now() + 24 * 3_600_000;
    expect(kept.map(({ expires }) => expires)).toEqual([tomorrow]);
  });

  test('on a condition ends in the same state after a crash, redelivery or conflict', async () => {
    const precondition = { match: [versionOf(AT)] };
    const act = (bed: Bed) =>
      bed.call('updateProfile', { name: 'Anna B.' }, { caller: anna, id: 'p1', precondition });
    await expectCrashSafe(build, act);
  });

  test('of an account that no longer exists is refused', async () => {
    const bed = await build();
    await bed.context().revisions.update('r1', () => ({ name: 'Bert' }));
    const status = await bed.handleEvent(UpdateUser, { userId: 'bert', revisionId: 'r1' });
    expect(status).toBe('SUCCESS');
    expect(bed.published(UserUpdated)).toEqual([]);
  });

  test('is retried when the store is unavailable', async () => {
    const bed = await build();
    await bed.context().revisions.update('r1', () => ({ name: 'Anna B.' }));
    bed.sidecar.save = () => Promise.reject(new Error('no connection'));
    expect(await bed.handleEvent(UpdateUser, { userId: 'anna', revisionId: 'r1' })).toBe('RETRY');
  });
});

describe('the contact of a user', () => {
  test('is returned to a service', async () => {
    const bed = await build();
    const contact = await bed.call('getContact', { userId: 'anna' }, { caller: service });
    expect(contact).toMatchObject({
      email: 'anna@example.com',
      name: 'Anna',
      phone: '+4930123456',
    });
  });

  test.each(['customer', 'seller', 'admin', 'anonymous'] as const)(
    'is not returned to the role %s',
    async (role) => {
      const call = (await build()).call(
        'getContact',
        { userId: 'anna' },
        { caller: { ...anna, role } },
      );
      await expect(call).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
    },
  );

  test('is not found for an unknown user or one of another tenant', async () => {
    const bed = await build();
    for (const [userId, caller] of [
      ['bert', service],
      ['anna', { ...service, tenantId: 'other' }],
    ] as const) {
      const call = bed.call('getContact', { userId }, { caller });
      await expect(call).rejects.toMatchObject({ code: Code.NOT_FOUND });
    }
  });

  test('is refused for an invalid id', async () => {
    const call = (await build()).call('getContact', { userId: 'a b' }, { caller: service });
    await expect(call).rejects.toMatchObject({
      details: { fields: [expect.objectContaining({ field: 'userId' })] },
    });
  });
});
