import { describe, expect, test } from '@jest/globals';
import { Code } from '#kit/core/errors';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { IndexUser } from '#contracts/user';
import { isFoundBy, listFor, listsOf } from './search-terms';
import type { User } from './domain';
import { type Bed, admin, anonymous, build, withUser } from './testing';

const PEOPLE: Readonly<Record<string, Partial<User>>> = {
  anna: { email: 'anna.schmidt@example.com', name: 'Anna Schmidt' },
  annabel: { email: 'bel@example.com', name: 'Annabel Jones', role: 'seller' },
  bjorn: { email: 'bjorn@example.org', name: 'Björn Ångström' },
  carl: {
    email: 'carl@example.com',
    name: "Carl O'Neill-Annan",
    blockedAt: '2026-01-01T00:00:00.000Z',
  },
  dora: { email: 'annette@example.com', name: 'Dora', role: 'seller' },
};

async function index(bed: Bed, userId: string): Promise<void> {
  await bed.handleEvent(
    IndexUser,
    { userId },
    { id: `index ${userId} ${bed.memory.events.length}` },
  );
}

async function withPeople(): Promise<Bed> {
  const bed = build();
  for (const [userId, fields] of Object.entries({
    [admin.userId]: { role: 'admin' as const },
    ...PEOPLE,
  })) {
    await withUser(bed, userId, { email: `${userId}@admins.example`, ...fields });
    await index(bed, userId);
  }
  return bed;
}
const list = async (bed: Bed, filter: object) => {
  const { items, total } = await bed.call(
    'listUsers',
    { limit: 100, ...filter },
    { caller: admin },
  );
  expect(total).toBe(items.length);
  return items.map(({ userId }) => userId).sort();
};

describe('the list of accounts', () => {
  test('has all of them, the newest first, in pages', async () => {
    const bed = await withPeople();
    const page = (number: number) =>
      bed.call('listUsers', { page: number, limit: 4 }, { caller: admin });
    const first = await page(1);
    expect(first).toMatchObject({ page: 1, limit: 4, total: 6 });
    expect(first.items.map(({ userId }) => userId)).toEqual(['dora', 'carl', 'bjorn', 'annabel']);
    expect((await page(2)).items.map(({ userId }) => userId)).toEqual(['anna', 'root']);
  });

  test('shows what an admin needs and no secret', async () => {
    const bed = await withPeople();
    const { items } = await bed.call('listUsers', { search: 'carl' }, { caller: admin });
    expect(items).toMatchObject([
      { userId: 'carl', email: 'carl@example.com', role: 'customer', blocked: true },
    ]);
    expect(Object.keys(items[0] ?? {}).sort()).toEqual([
      '$typeName',
      'blocked',
      'createdAt',
      'email',
      'emailVerified',
      'name',
      'role',
      'updatedAt',
      'userId',
    ]);
    expect(await bed.call('getUser', { userId: 'carl' }, { caller: admin })).toEqual(items[0]);
  });

  test.each([
    [{ role: 'seller' }, ['annabel', 'dora']],
    [{ role: 'admin' }, ['root']],
    [{ state: 'blocked' }, ['carl']],
    [{ state: 'active', role: 'customer' }, ['anna', 'bjorn']],
    [{ state: 'blocked', role: 'seller' }, []],
    [{ search: 'ann' }, ['anna', 'annabel', 'carl', 'dora']],
    [{ search: 'anna' }, ['anna', 'annabel', 'carl']],
    [{ search: 'ANNABEL' }, ['annabel']],
    [{ search: ' anna s' }, ['anna']],
    [{ search: 'schm' }, ['anna']],
    [{ search: "o'neill" }, ['carl']],
    [{ search: 'annan' }, ['carl']],
    [{ search: 'angstrom' }, ['bjorn']],
    [{ search: 'Ångström' }, ['bjorn']],
    [{ search: 'bjo' }, ['bjorn']],
    [{ search: 'annette@example.c' }, ['dora']],
    [{ search: 'anna.schmidt@example.com' }, ['anna']],
    [{ search: 'example' }, []],
    [{ search: 'ann', role: 'seller' }, ['annabel', 'dora']],
    [{ search: 'ann', state: 'blocked' }, ['carl']],
  ])('with the filter %j has %j', async (filter, found) => {
    expect(await list(await withPeople(), filter)).toEqual(found);
  });

  test.each([
    ['search', { search: 'an' }],
    ['search', { search: 'x'.repeat(255) }],
    ['role', { role: 'root' }],
    ['state', { state: 'gone' }],
    ['limit', { limit: 101 }],
    ['page', { page: -1 }],
  ])('is refused with an invalid %s: %j', async (field, request) => {
    const call = (await withPeople()).call('listUsers', request, { caller: admin });
    await expect(call).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      details: { fields: [{ field }] },
    });
  });

  test('is of one tenant', async () => {
    const bed = await withPeople();
    await withUser(bed, admin.userId, { role: 'admin' }, 'other');
    const other = { ...admin, tenantId: 'other' };
    const { items } = await bed.call('listUsers', {}, { caller: other });
    expect(items).toEqual([]);
  });
});

describe('an account is found', () => {
  const search = async (bed: Bed, text: string) => list(bed, { search: text });

  test('after its registration, and by its new name after a change', async () => {
    const bed = await withPeople();
    const person = { email: 'eve@example.com', password: 'correct horse', name: 'Eve Adams' };
    const { userId } = await bed.call('register', person, { caller: anonymous });
    await bed.settle();
    expect(await search(bed, 'adams')).toEqual([userId]);
    const caller = { ...anonymous, userId, role: 'customer' } as const;
    await bed.call('updateProfile', { name: 'Eve Brown' }, { caller });
    await bed.settle();
    expect(await search(bed, 'adams')).toEqual([]);
    expect(await search(bed, 'brown')).toEqual([userId]);
    expect(await list(bed, {})).toContain(userId);
    expect((await list(bed, {})).filter((id) => id === userId)).toHaveLength(1);
  });

  test('by its new role and state after a change', async () => {
    const bed = await withPeople();
    await bed.call('changeRole', { userId: 'anna', role: 'seller' }, { caller: admin });
    await bed.call('blockUser', { userId: 'bjorn' }, { caller: admin });
    await bed.settle();
    expect(await list(bed, { role: 'seller' })).toEqual(['anna', 'annabel', 'dora']);
    expect(await list(bed, { role: 'customer' })).toEqual(['bjorn', 'carl']);
    expect(await list(bed, { state: 'blocked' })).toEqual(['bjorn', 'carl']);
  });

  test('from its next sign-in on, if it is from before accounts were listed', async () => {
    const bed = await withPeople();
    const person = { email: 'eve@example.com', password: 'correct horse', name: 'Eve Adams' };
    const { userId } = await bed.call('register', person, { caller: anonymous });
    await bed.settle();
    for (const key of bed.memory.documents.keys()) {
      if (key.startsWith('userIndexes:') || key.startsWith('list-users:')) {
        bed.memory.documents.delete(key);
      }
    }
    expect(await search(bed, 'adams')).toEqual([]);
    await bed.context().users.update(userId, (now) => {
      const { isListed: _, ...old } = now!;
      return old;
    });
    await bed.call('login', person, { caller: anonymous });
    await bed.settle();
    expect(await search(bed, 'adams')).toEqual([userId]);
  });

  test('by its newest name when several changes are indexed at the same time', async () => {
    const bed = await withPeople();
    const names = ['Alpha One', 'Bravo Two', 'Charlie Three', 'Delta Four'];
    const rename = async (name: string) => {
      await bed.context().users.update('anna', (now) => ({ ...now!, name }));
      await index(bed, 'anna');
    };
    await Promise.all(names.map(rename));
    const { name } = await bed.context().users.getOrThrow('anna');
    for (const each of names) {
      const [word = ''] = each.split(' ');
      expect(await search(bed, word)).toEqual(each === name ? ['anna'] : []);
    }
    const lists = [...bed.memory.documents].filter(
      ([key, { json }]) => key.startsWith('list-users:') && json.includes('"anna"'),
    );
    expect(lists).toHaveLength(listsOf(await bed.context().users.getOrThrow('anna')).length);
  });

  test('in the same way, wherever the process is killed', async () => {
    const prepare = async () => {
      const bed = await withPeople();
      await bed.context().users.update('anna', (now) => ({ ...now!, name: 'Eve', role: 'seller' }));
      return bed;
    };
    await expectCrashSafe(prepare, (bed) =>
      bed.handleEvent(IndexUser, { userId: 'anna' }, { id: 'i1' }),
    );
  });
});

describe('among 100,000 accounts', () => {
  const COUNT = 100_000;
  const user = (n: number) => ({
    email: `person${n}@example.com`,
    name: `Number${n} Family${n % 1_000}`,
    role: 'customer' as const,
  });

  test('each is in about twenty lists, and a search reads the shortest of them', () => {
    expect(listsOf(user(12_345)).length).toBeLessThanOrEqual(24);
    const found = (text: string) =>
      Array.from({ length: COUNT }, (_, n) => user(n)).filter((each) =>
        listsOf(each).includes(listFor(text)),
      ).length;
    // by the whole address, and by a name
    expect(found('person12345@example.com')).toBeLessThanOrEqual(11);
    expect(found('family123')).toBe(
      Array.from({ length: COUNT }, (_, n) => user(n)).filter((each) => isFoundBy(each, 'family12'))
        .length,
    );
  });

  test('a page and a search read a number of documents that does not depend on their number', async () => {
    const bed = await withPeople();
    const ids = Array.from({ length: 3_000 }, (_, n) => `u${n}`);
    for (const id of ids) await bed.context().lists.users.add('all', id);
    let loads = 0;
    const load = bed.sidecar.load.bind(bed.sidecar);
    bed.sidecar.load = (key) => {
      loads++;
      return load(key);
    };
    await bed.call('listUsers', { page: 1, limit: 20 }, { caller: admin });
    // the caller, the head and a page of the list, and 20 accounts
    expect(loads).toBeLessThanOrEqual(25);
    loads = 0;
    await bed.call('listUsers', { search: 'schmidt' }, { caller: admin });
    expect(loads).toBeLessThanOrEqual(25);
  });

  test('a search that would compare too many is refused', async () => {
    const bed = await withPeople();
    for (let n = 0; n <= 2_000; n++) {
      await bed.context().lists.users.add(listFor('annabel'), `u${n}`);
    }
    const call = bed.call('listUsers', { search: 'annabel' }, { caller: admin });
    await expect(call).rejects.toMatchObject({
      code: Code.FAILED_PRECONDITION,
      details: { reason: 'search_too_broad' },
    });
  });
});
