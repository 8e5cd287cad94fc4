import { describe, expect, test } from '@jest/globals';
import type { Caller } from '#kit/core/caller';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { Code } from '#kit/core/errors';
import { versionOf } from '#kit/core/precondition';
import { fromTimestamp } from '#kit/core/timestamps';
import { type Testbed, testbed } from '#kit/testing/testbed';
import { CreateProduct, ProductCreated, ProductUpdated, UpdateProduct } from '#contracts/product';
import { categoryKey, formerCategoryKey } from './domain';
import { product } from './service';

type Bed = Testbed<(typeof product)['definition']>;
const build = (): Bed => testbed(product);
const caller: Caller = { userId: 'sally', role: 'seller', tenantId: 'default' };
const other: Caller = { ...caller, userId: 'bob' };
const admin: Caller = { ...caller, userId: 'ada', role: 'admin' };
const shopper: Caller = { userId: '', role: 'anonymous', tenantId: 'default' };
const price = { amount: '18.90', currency: 'EUR' };
const beans = { name: 'Espresso beans', description: '1 kg', category: 'coffee', price };

async function withBeans() {
  const bed = build();
  const { productId } = await bed.call('createProduct', beans, { caller, id: 'beans' });
  return { bed, productId };
}

async function listed(bed: Bed, category: string): Promise<string[]> {
  const { items, total } = await bed.call('listProducts', { category }, { caller: shopper });
  expect(items).toHaveLength(total);
  return items.map(({ name }) => name);
}

const invalidFields = [
  ['name', { name: ' ' }],
  ['name', { name: 'n'.repeat(201) }],
  ['description', { description: 'd'.repeat(5001) }],
  ['category', { category: '' }],
  ['category', { category: 'c'.repeat(101) }],
  ['name', { name: 'Beans\u0000' }],
  ['name', { name: 'Beans\nBcc: eve@example.com' }],
  ['name', { name: 'snaeB\u202e' }],
  ['name', { name: '\u200b\u3164' }],
  ['description', { description: '1 kg\u001b[31m' }],
  ['description', { description: '\u2066\u2069' }],
  ['category', { category: 'cof\u00adfee' }],
  ['price.amount', { price: { ...price, amount: '-1.00' } }],
  ['price.amount', { price: { ...price, amount: '1.001' } }],
  ['price.amount', { price: { ...price, amount: '0.00' } }],
  ['price.currency', { price: { ...price, currency: 'euro' } }],
] as const;

const named = (field: string) => ({
  code: Code.INVALID_ARGUMENT,
  details: { fields: [expect.objectContaining({ field })] },
});

describe('creating a product', () => {
  test('adds it to the catalogue and publishes an event', async () => {
    const { bed, productId } = await withBeans();
    expect(bed.published(ProductCreated)).toMatchObject([{ productId, ...beans }]);
    const found = await bed.call('getProduct', { productId }, { caller: shopper });
    expect(found).toMatchObject({ ...beans, productId, availability: 'unknown' });
    expect(found.createdAt).toEqual(found.updatedAt);
    expect(await listed(bed, '')).toEqual(['Espresso beans']);
    expect(await listed(bed, 'coffee')).toEqual(['Espresso beans']);
    expect(await listed(bed, 'tea')).toEqual([]);
  });

  test('stores its seller as the owner, and publishes and returns no owner', async () => {
    const { bed, productId } = await withBeans();
    expect(await bed.context(caller).products.get(productId)).toMatchObject({ ownerId: 'sally' });
    const [created] = bed.memory.events.filter(({ type }) => type === ProductCreated.type);
    expect(created?.data).toEqual({
      ...{ productId, ...beans },
      createdAt: expect.any(String),
      updatedAt: expect.any(String),
    });
    const found = await bed.call('getProduct', { productId }, { caller });
    expect(Object.keys(found)).not.toContain('ownerId');
  });

  test('can still be handled from a command that has no owner', async () => {
    const bed = build();
    expect(await bed.handleEvent(CreateProduct, { productId: 'p1', ...beans })).toBe('SUCCESS');
    const known = await bed.context(caller).products.getOrThrow('p1');
    expect(known.ownerId).toBeUndefined();
  });

  test('creates one product for any number of requests under the same key', async () => {
    const { bed, productId } = await withBeans();
    const again = await bed.call('createProduct', beans, { caller, id: 'beans' });
    expect(again.productId).toBe(productId);
    const other = await bed.call('createProduct', beans, { caller, id: 'more beans' });
    expect(other.productId).not.toBe(productId);
    expect(bed.published(ProductCreated)).toHaveLength(2);
    expect(await listed(bed, '')).toHaveLength(2);
  });

  test('stores a price with the decimals of its currency', async () => {
    const request = { ...beans, price: { amount: '5', currency: 'EUR' } };
    const created = await build().call('createProduct', request, { caller });
    expect(created.price).toMatchObject({ amount: '5.00', currency: 'EUR' });
  });

  test.each(['anonymous', 'customer'] as const)('is not allowed for the role %s', async (role) => {
    const bed = build();
    const call = bed.call('createProduct', beans, { caller: { ...caller, role } });
    await expect(call).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
    expect(bed.memory.events).toEqual([]);
  });

  test.each(invalidFields)('refuses an invalid %s with its name', async (field, part) => {
    const bed = build();
    const call = bed.call('createProduct', { ...beans, ...part }, { caller });
    await expect(call).rejects.toMatchObject(named(field));
    expect(bed.memory.events).toEqual([]);
  });

  test('names every field that is missing', async () => {
    const call = build().call('createProduct', {}, { caller });
    await expect(call).rejects.toMatchObject({
      details: { fields: ['name', 'category', 'price'].map((field) => ({ field })) },
    });
  });

  test('returns the expected product if the client does not wait', async () => {
    const bed = build();
    const created = await bed.call('createProduct', beans, { caller, respondAsync: true });
    expect(created).toMatchObject(beans);
    await bed.settle();
    const found = await bed.call('getProduct', { productId: created.productId }, { caller });
    expect(found.name).toBe('Espresso beans');
  });

  test('ends in the same state after a crash, redelivery or conflict at any point', async () => {
    const act = (bed: Bed) => bed.call('createProduct', beans, { caller, id: 'c1' });
    await expectCrashSafe(build, act);
  });

  test('is retried when the store is unavailable', async () => {
    const bed = build();
    bed.sidecar.save = () => Promise.reject(new Error('no connection'));
    expect(await bed.handleEvent(CreateProduct, { productId: 'p1', ...beans })).toBe('RETRY');
  });
});

describe('updating a product', () => {
  test('changes the given fields and publishes what changed', async () => {
    const { bed, productId } = await withBeans();
    bed.clock.advance(1000);
    const request = { productId, description: '', price: { amount: '17.5', currency: 'EUR' } };
    const changed = await bed.call('updateProduct', request, { caller });
    const now = { ...beans, description: '', price: { amount: '17.50', currency: 'EUR' } };
    expect(changed).toMatchObject(now);
    expect(changed.updatedAt).not.toEqual(changed.createdAt);
    expect(bed.published(ProductUpdated)).toMatchObject([
      { productId, ...now, changed: ['description', 'price'] },
    ]);
  });

  test('raises the sequence, so that subscribers recognise the newest event', async () => {
    const { bed, productId } = await withBeans();
    for (const name of ['Beans', 'Best beans']) {
      await bed.call('updateProduct', { productId, name }, { caller });
    }
    const published = bed.memory.events.filter(({ type }) => /^product\.(cre|upd).*ed$/.test(type));
    expect(published.map(({ subject, sequence }) => [subject, sequence])).toEqual([
      [productId, 1],
      [productId, 2],
      [productId, 3],
    ]);
  });

  test('finds it in a category that an earlier release listed under another key', async () => {
    const { bed, productId } = await withBeans();
    await bed.call('updateProduct', { productId, category: 'Caffè  Straße' }, { caller });
    const [key, former] = [categoryKey('Caffè  Straße'), formerCategoryKey('Caffè  Straße')];
    for (const [name, document] of [...bed.memory.documents]) {
      if (!name.includes(key)) continue;
      bed.memory.documents.delete(name);
      bed.memory.documents.set(name.replace(key, former), document);
    }
    expect(await listed(bed, 'caffè strasse')).toEqual([]);
    expect(await listed(bed, 'Caffè  Straße')).toEqual(['Espresso beans']);
    expect(await listed(bed, 'caffè strasse')).toEqual(['Espresso beans']);
    await bed.call('updateProduct', { productId, category: 'coffee' }, { caller });
    expect(await listed(bed, 'Caffè  Straße')).toEqual([]);
  });

  test('moves it from one category to another, and back', async () => {
    const { bed, productId } = await withBeans();
    await bed.call('updateProduct', { productId, category: 'gifts' }, { caller });
    expect(await listed(bed, 'coffee')).toEqual([]);
    expect(await listed(bed, 'gifts')).toEqual(['Espresso beans']);
    await bed.call('updateProduct', { productId, category: 'coffee' }, { caller });
    expect(await listed(bed, 'coffee')).toEqual(['Espresso beans']);
    expect(await listed(bed, 'gifts')).toEqual([]);
    expect(await listed(bed, '')).toEqual(['Espresso beans']);
  });

  test('leaves it in one category when several moves race', async () => {
    const { bed, productId } = await withBeans();
    const categories = ['gifts', 'sale', 'drinks'];
    await Promise.all(
      categories.map((category) => bed.call('updateProduct', { productId, category }, { caller })),
    );
    const { category } = await bed.call('getProduct', { productId }, { caller });
    for (const name of ['coffee', ...categories]) {
      expect(await listed(bed, name)).toHaveLength(name === category ? 1 : 0);
    }
  });

  test('removes it from the category of a delayed move that a later move replaced', async () => {
    const { bed, productId } = await withBeans();
    const move = { productId, category: 'gifts' };
    // killed after it changed the product and before it changed the lists
    bed.injectFaults({ crashAfterEffect: 1 });
    await expect(bed.handleEvent(UpdateProduct, move, { id: 'm1' })).rejects.toThrow('killed');
    bed.restart();
    await bed.call('updateProduct', { productId, category: 'sale' }, { caller });
    await bed.handleEvent(UpdateProduct, move, { id: 'm1' });
    expect(await listed(bed, 'gifts')).toEqual([]);
    expect(await listed(bed, 'coffee')).toEqual([]);
    expect(await listed(bed, 'sale')).toEqual(['Espresso beans']);
  });

  test('stays in the category to which a later move returned it, wherever the earlier one was delayed', async () => {
    const move = { productId: '', category: 'gifts' };
    const effects = async () => {
      const { bed, productId } = await withBeans();
      bed.injectFaults({});
      await bed.handleEvent(UpdateProduct, { ...move, productId }, { id: 'm1' });
      return bed.sidecar.effects;
    };
    for (let n = 1; n <= (await effects()); n++) {
      const { bed, productId } = await withBeans();
      const late = () => bed.handleEvent(UpdateProduct, { ...move, productId }, { id: 'm1' });
      bed.injectFaults({ crashAfterEffect: n });
      await late().catch(() => undefined);
      bed.restart();
      for (const category of ['sale', 'coffee']) {
        await bed.call('updateProduct', { productId, category }, { caller });
      }
      await late();
      const lists = ['coffee', 'gifts', 'sale', ''].map((category) => listed(bed, category));
      const found = (await Promise.all(lists)).map((names) => names.length);
      expect([n, found]).toEqual([n, [1, 0, 0, 1]]);
    }
  });

  test('publishes a delayed update under its own number, not under that of a later one', async () => {
    const { bed, productId } = await withBeans();
    const move = { productId, category: 'gifts' };
    bed.injectFaults({ crashAfterEffect: 1 });
    await expect(bed.handleEvent(UpdateProduct, move, { id: 'm1' })).rejects.toThrow('killed');
    bed.restart();
    await bed.call('updateProduct', { productId, category: 'sale' }, { caller });
    await bed.handleEvent(UpdateProduct, move, { id: 'm1' });
    const numbers = bed.memory.events
      .filter(({ type }) => type === ProductUpdated.type)
      .map(({ sequence }) => sequence);
    expect(numbers).toEqual([3, 2]);
  });

  test('publishes nothing if nothing changes', async () => {
    const { bed, productId } = await withBeans();
    const request = { productId, name: beans.name, price: { amount: '18.9', currency: 'EUR' } };
    expect(await bed.call('updateProduct', request, { caller })).toMatchObject(beans);
    await bed.call('updateProduct', { productId }, { caller });
    expect(bed.published(ProductUpdated)).toEqual([]);
  });

  test('is not allowed for a seller who did not create it', async () => {
    const { bed, productId } = await withBeans();
    const before = bed.memory.events.length;
    const request = { productId, price: { amount: '0.01', currency: 'EUR' } };
    const call = bed.call('updateProduct', request, { caller: other });
    await expect(call).rejects.toMatchObject({
      code: Code.PERMISSION_DENIED,
      message: 'the product belongs to another seller',
    });
    // not even if it would change nothing
    const same = bed.call('updateProduct', { productId }, { caller: other });
    await expect(same).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
    expect(bed.memory.events).toHaveLength(before);
    const found = await bed.call('getProduct', { productId }, { caller: other });
    expect(found).toMatchObject(beans);
  });

  test('stays allowed for its owner after an admin changed it', async () => {
    const { bed, productId } = await withBeans();
    await bed.call('updateProduct', { productId, name: 'Beans' }, { caller: admin });
    const changed = await bed.call('updateProduct', { productId, name: 'B' }, { caller });
    expect(changed.name).toBe('B');
    const taken = bed.call('updateProduct', { productId, name: 'Mine' }, { caller: other });
    await expect(taken).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
  });

  test('of an admin is allowed for admins only', async () => {
    const bed = build();
    const { productId } = await bed.call('createProduct', beans, { caller: admin });
    const call = bed.call('updateProduct', { productId, name: 'Mine' }, { caller });
    await expect(call).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
    const request = { productId, name: 'Beans' };
    const changed = await bed.call('updateProduct', request, {
      caller: { ...admin, userId: 'eve' },
    });
    expect(changed.name).toBe('Beans');
  });

  test('that was stored before products had owners is allowed for admins only', async () => {
    const { bed, productId } = await withBeans();
    await bed.context(caller).products.update(productId, (known) => {
      if (known === undefined) throw new Error('no product');
      const { ownerId: _, ...old } = known;
      return old;
    });
    const call = bed.call('updateProduct', { productId, name: 'Mine' }, { caller });
    await expect(call).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
    const changed = await bed.call('updateProduct', { productId, name: 'B' }, { caller: admin });
    expect(changed.name).toBe('B');
  });

  test.each(['anonymous', 'customer'] as const)('is not allowed for the role %s', async (role) => {
    const { bed, productId } = await withBeans();
    const call = bed.call(
      'updateProduct',
      { productId, name: 'Mine' },
      { caller: { ...caller, role } },
    );
    await expect(call).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
  });

  test.each([...invalidFields, ['productId', { productId: 'a b' }] as const])(
    'refuses an invalid %s with its name',
    async (field, part) => {
      const { bed, productId } = await withBeans();
      const call = bed.call('updateProduct', { productId, ...part }, { caller });
      await expect(call).rejects.toMatchObject(named(field));
    },
  );

  test('is refused if the product does not exist or belongs to another tenant', async () => {
    const { bed, productId } = await withBeans();
    for (const [id, tenantId] of [
      ['none', 'default'],
      [productId, 'other'],
    ] as const) {
      const request = { productId: id, name: 'Beans' };
      await expect(
        bed.call('updateProduct', request, { caller: { ...caller, tenantId } }),
      ).rejects.toMatchObject({ code: Code.NOT_FOUND });
    }
    expect(await bed.handleEvent(UpdateProduct, { productId: 'none', name: 'Beans' })).toBe(
      'SUCCESS',
    );
    expect(bed.published(ProductUpdated)).toEqual([]);
  });

  test('returns the expected product if the client does not wait', async () => {
    const { bed, productId } = await withBeans();
    const options = { caller, respondAsync: true };
    const changed = await bed.call('updateProduct', { productId, name: 'Beans' }, options);
    expect(changed.name).toBe('Beans');
    await bed.settle();
    expect(await listed(bed, '')).toEqual(['Beans']);
  });

  test('ends in the same state after a crash, redelivery or conflict at any point', async () => {
    const prepare = async () => (await withBeans()).bed;
    const { productId } = await withBeans();
    await expectCrashSafe(prepare, (bed) =>
      bed.call('updateProduct', { productId, name: 'B', category: 'gifts' }, { caller, id: 'u1' }),
    );
  });

  test('is retried when the store is unavailable', async () => {
    const { bed, productId } = await withBeans();
    bed.sidecar.save = () => Promise.reject(new Error('no connection'));
    expect(await bed.handleEvent(UpdateProduct, { productId, name: 'Beans' })).toBe('RETRY');
  });
});

describe('updating a product on a condition', () => {
  const START = versionOf('2026-01-01T00:00:00.000Z');
  const failed = { details: { reason: 'precondition_failed', header: 'if-match' } };

  async function versioned() {
    const { bed, productId } = await withBeans();
    const version = async () => {
      const { updatedAt } = await bed.call('getProduct', { productId }, { caller });
      return updatedAt === undefined ? '' : versionOf(fromTimestamp(updatedAt));
    };
    const rename = (name: string, match: string[], options: object = {}) =>
      bed.call(
        'updateProduct',
        { productId, name },
        { caller, precondition: { match }, ...options },
      );
    return { bed, productId, version, rename };
  }

  test('lets one of two editors of the same version win, and tells the other', async () => {
    const { bed, version, rename } = await versioned();
    const seen = [await version()];
    const results = await Promise.allSettled([rename('A', seen), rename('B', seen)]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(results.find(({ status }) => status === 'rejected')).toMatchObject({ reason: failed });
    expect(bed.published(ProductUpdated)).toHaveLength(1);
    expect(await version()).not.toBe(seen[0]);
  });

  test('is refused on an earlier version also if the product has the value already', async () => {
    const { bed, version, rename } = await versioned();
    const seen = [await version()];
    await rename('A', seen);
    await expect(rename('A', seen)).rejects.toMatchObject(failed);
    await rename('A', [await version()]);
    expect(bed.published(ProductUpdated)).toHaveLength(1);
  });

  test('returns the first result to a retry, also one after a crash before its response', async () => {
    const { bed, version, rename } = await versioned();
    const seen = [await version()];
    for (const hasIdempotencyKey of [true, false]) {
      const retry = { id: `try-${hasIdempotencyKey}`, hasIdempotencyKey };
      const match = hasIdempotencyKey ? seen : [await version()];
      const first = await rename(`By ${retry.id}`, match, retry);
      expect(await rename(`By ${retry.id}`, match, retry)).toEqual(first);
    }
    expect(bed.published(ProductUpdated)).toHaveLength(2);
  });

  test('stays refused when the command is delivered again, whatever the product has become', async () => {
    const { bed, productId } = await versioned();
    const command = { productId, name: 'A', precondition: { match: ['0'] } };
    await bed.handleEvent(UpdateProduct, command, { id: 'c1' });
    await bed.handleEvent(UpdateProduct, command, { id: 'c1' });
    expect(bed.published(ProductUpdated)).toEqual([]);
  });

  test('is not answered with an expected product if it may still be refused', async () => {
    const { version, rename } = await versioned();
    const late = rename('A', [await version()], { respondAsync: true });
    await expect(late).rejects.toMatchObject({ code: Code.DEADLINE_EXCEEDED });
  });

  test('ends in the same state after a crash, redelivery or conflict at any point', async () => {
    const prepare = async () => (await withBeans()).bed;
    const { productId } = await withBeans();
    const precondition = { match: [START] };
    await expectCrashSafe(prepare, (bed) =>
      bed.call('updateProduct', { productId, name: 'B' }, { caller, id: 'u1', precondition }),
    );
  });
});
