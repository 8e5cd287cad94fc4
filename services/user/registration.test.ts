import { describe, expect, jest, test } from '@jest/globals';
import { Code, unavailable } from '#kit/core/errors';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { testbed } from '#kit/testing/testbed';
import { RegisterUser, UserCreated } from '#contracts/user';
import { emailKey } from './domain';
import { user } from './service';
import { config } from './testing';

const build = () => testbed(user, { config });
const anna = { email: 'anna@example.com', password: 'correct horse', name: 'Anna' };
const caller = { userId: '', role: 'anonymous', tenantId: 'default' } as const;
const fieldsOf = (fields: string[]) => ({
  code: Code.INVALID_ARGUMENT,
  details: { fields: fields.map((field) => expect.objectContaining({ field }) as unknown) },
});

describe('a registration', () => {
  test('creates a customer and publishes an event without personal data', async () => {
    const bed = build();
    const answer = await bed.call('register', anna, { caller });
    expect(answer).toMatchObject({ email: 'anna@example.com', role: 'customer' });
    expect(bed.published(UserCreated)).toEqual([
      {
        userId: answer.userId,
        role: 'customer',
        tenantId: 'default',
        createdAt: '2026-01-01T00:00:00.000Z',
      },
    ]);
    const published = JSON.stringify(bed.memory.events);
    for (const personal of ['anna@', 'Anna', 'horse', 'scrypt'])
      expect(published).not.toContain(personal);
  });

  test('leaves nothing after a day if its command cannot be published, unless it is retried', async () => {
    const bed = build();
    const failing = jest.spyOn(bed.sidecar, 'publish').mockRejectedValue(unavailable('no bus'));
    const call = bed.call('register', anna, { caller, id: 'r1' });
    await expect(call).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    failing.mockRestore();
    const ownDocuments = () =>
      [...bed.memory.documents].flatMap(([key, stored]) =>
        key.startsWith('begun:') ? [] : [stored],
      );
    const [stored] = ownDocuments();
    expect(stored?.expires).toBe(bed.clock.now() + 24 * 3600 * 1000);

    await bed.call('register', anna, { caller, id: 'r1' });
    // the account, its address and its e-mail
    expect(ownDocuments().map(({ expires }) => expires)).toEqual([Infinity, Infinity, Infinity]);
    expect(bed.published(UserCreated)).toHaveLength(1);
  });

  test('stores one account, under keys that do not show the address', async () => {
    const bed = build();
    const { userId } = await bed.call('register', anna, { caller });
    const keys = [...bed.memory.documents.keys()].filter((key) => !/^(outcome|begun):/.test(key));
    expect(keys.sort()).toEqual([
      `accountMails:default:${userId}`,
      `emails:default:${emailKey('anna@example.com')}`,
      `users:default:${userId}`,
    ]);
    const stored = await bed.context().users.get(userId);
    expect(stored).toMatchObject({ email: 'anna@example.com', name: 'Anna', role: 'customer' });
    expect(JSON.stringify(stored)).not.toContain('horse');
  });

  test('creates one account when it is retried under the same key', async () => {
    const bed = build();
    const first = await bed.call('register', anna, { caller, id: 'r1' });
    const again = await bed.call('register', anna, { caller, id: 'r1' });
    expect(again.userId).toBe(first.userId);
    expect(bed.published(UserCreated)).toHaveLength(1);
  });

  test.each([
    ['address', { email: 'eve@example.com' }],
    ['name', { name: 'Eve' }],
    ['password', { password: 'another one' }],
  ])('with another %s under the same key is refused and leaves one account', async (_, other) => {
    const bed = build();
    await bed.call('register', anna, { caller, id: 'r1', hasIdempotencyKey: true });
    const again = bed.call(
      'register',
      { ...anna, ...other },
      { caller, id: 'r1', hasIdempotencyKey: true },
    );
    await expect(again).rejects.toMatchObject(fieldsOf(['Idempotency-Key']));
    const left = [...bed.memory.documents.keys()].filter((key) => /^(users|emails)/.test(key));
    expect(left).toHaveLength(2);
    expect(JSON.stringify([...bed.memory.documents])).not.toContain('asked:');
  });

  test.each(['anna@example.com', ' Anna@Example.COM '])(
    'refuses %s if the address has an account',
    async (email) => {
      const bed = build();
      await bed.call('register', anna, { caller });
      const again = bed.call('register', { ...anna, email, password: 'another one' }, { caller });
      await expect(again).rejects.toMatchObject({
        code: Code.ALREADY_EXISTS,
        message: 'An account with this email already exists. Sign in or use another email.',
        details: { reason: 'email_taken' },
      });
    },
  );

  test('succeeds once when two for one address race, and leaves nothing of the other', async () => {
    const bed = build();
    const [one, other] = await Promise.allSettled([
      bed.call('register', anna, { caller }),
      bed.call('register', { ...anna, name: 'Annette' }, { caller }),
    ]);
    expect([one.status, other.status].sort()).toEqual(['fulfilled', 'rejected']);
    expect(bed.published(UserCreated)).toHaveLength(1);
    const left = [...bed.memory.documents.keys()].filter((key) => /^(users|regis)/.test(key));
    expect(left).toHaveLength(1);
  });

  test('allows the same address once in each tenant', async () => {
    const bed = build();
    await bed.call('register', anna, { caller });
    await bed.call('register', anna, { caller: { ...caller, tenantId: 'other' } });
    expect(bed.published(UserCreated).map(({ tenantId }) => tenantId)).toEqual([
      'default',
      'other',
    ]);
  });

  test('refuses the address of the first admin', async () => {
    const bed = testbed(user, { config: { ...config, ADMIN_EMAIL: 'anna@example.com' } });
    await expect(bed.call('register', anna, { caller })).rejects.toMatchObject({
      code: Code.ALREADY_EXISTS,
    });
    expect(bed.memory.documents.size).toBe(0);
  });

  test.each([
    ['email', { email: 'anna' }],
    ['email', { email: `${'a'.repeat(250)}@example.com` }],
    ['password', { password: 'seven77' }],
    ['password', { password: 'p'.repeat(129) }],
    ['name', { name: '  ' }],
    ['name', { name: 'n'.repeat(101) }],
  ])('refuses an invalid %s with its name', async (field, part) => {
    const bed = build();
    const call = bed.call('register', { ...anna, ...part }, { caller });
    await expect(call).rejects.toMatchObject(fieldsOf([field]));
    expect(bed.memory.documents.size).toBe(0);
  });

  test('names every invalid field once', async () => {
    const call = build().call('register', { email: 'x', password: 'y', name: '' }, { caller });
    await expect(call).rejects.toMatchObject(fieldsOf(['email', 'password', 'name']));
  });

  test('returns the future account if the client does not wait', async () => {
    const bed = build();
    const answer = await bed.call('register', anna, { caller, respondAsync: true });
    await bed.settle();
    expect(bed.published(UserCreated)).toMatchObject([{ userId: answer.userId }]);
  });

  test('ends in the same state after a crash, redelivery or conflict at any point', async () => {
    const act = (bed: ReturnType<typeof build>) => bed.call('register', anna, { caller, id: 'r1' });
    await expectCrashSafe(build, act, { ignore: ['passwordHash'] });
  });

  test('ends in the same state when another account took the address meanwhile', async () => {
    const prepare = async () => {
      const bed = build();
      const { registrations, emails } = bed.context();
      const late = {
        email: anna.email,
        name: 'Annette',
        role: 'customer',
        passwordHash: 'h',
      } as const;
      await emails.update(emailKey(anna.email), () => ({ userId: 'first' }));
      await registrations.update('late', () => late);
      return bed;
    };
    const act = (bed: ReturnType<typeof build>) =>
      bed.handleEvent(RegisterUser, { userId: 'late' }, { id: 'c1' });
    await expectCrashSafe(prepare, act);
    const bed = await prepare();
    expect(await act(bed)).toBe('SUCCESS');
    expect(bed.published(UserCreated)).toEqual([]);
    expect([...bed.memory.documents.keys()].some((key) => key.startsWith('regis'))).toBe(false);
  });

  test('is retried when the store is unavailable', async () => {
    const bed = build();
    const { registrations } = bed.context();
    const late = { email: anna.email, name: 'A', role: 'customer', passwordHash: 'h' } as const;
    await registrations.update('late', () => late);
    bed.sidecar.save = () => Promise.reject(new Error('no connection'));
    expect(await bed.handleEvent(RegisterUser, { userId: 'late' })).toBe('RETRY');
  });
});
