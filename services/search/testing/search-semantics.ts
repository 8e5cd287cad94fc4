import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { SearchRequestSchema } from '#proto/retail/search/v1/search_pb';
import { StockUpdated } from '#contracts/inventory';
import { ProductCreated, ProductUpdated } from '#contracts/product';
import { OfferUpdated } from '#contracts/shop';
import { type Caller, anonymous } from '#kit/core/caller';
import { Code, MicroserviceError } from '#kit/core/errors';
import type { ReadStore } from '#kit/read-store/read-store';
import { CATALOGUE } from './catalogue';
import { LABELLED, ndcg } from './labelled-queries';
import { type SearchBed, searchBed } from './search-bed';

/** A server or folder in which each test has databases of its own. */
export interface Databases {
  fresh(): Promise<ReadStore>;
  close(): Promise<void>;
}

/** What the search does, whatever database its index is in. */
export function searchSemantics(openDatabases: () => Promise<Databases>): void {
  let databases: Databases;
  const stores: ReadStore[] = [];
  /** A service whose index has the catalogue. */
  let full: SearchBed;
  beforeAll(async () => {
    databases = await openDatabases();
    full = await newBed();
    await Promise.all(
      CATALOGUE.map((product) => {
        const time = '2026-01-01T00:00:00.000Z';
        return full.handleEvent(ProductCreated, { ...product, createdAt: time, updatedAt: time });
      }),
    );
  });
  afterAll(async () => {
    for (const store of stores) await store.close();
    await databases.close();
  });

  async function newBed(): Promise<SearchBed> {
    const store = await databases.fresh();
    stores.push(store);
    const bed = searchBed(store);
    await bed.runIntervalTask('rebuild');
    return bed;
  }

  const idsOf = async (
    bed: SearchBed,
    request: MessageInitShape<typeof SearchRequestSchema>,
    caller?: Caller,
  ) => {
    const { items } = await bed.call('search', request, { caller: caller ?? anonymous() });
    return items.map(({ productId }) => productId);
  };
  const product = (productId: string, changes: object = {}) => ({
    ...{ productId, name: productId, description: '', category: 'things' },
    price: { amount: '10.00', currency: 'EUR' },
    ...changes,
  });

  describe('the search', () => {
    test('answers the labelled queries with an nDCG@10 of at least 0.9', async () => {
      const scores: [string, number, string[]][] = [];
      for (const [q, labels] of Object.entries(LABELLED)) {
        const found = await idsOf(full, { q, limit: 10 });
        scores.push([q, ndcg(found, labels), found]);
      }
      expect(scores).toHaveLength(60);
      const mean = scores.reduce((sum, [, score]) => sum + score, 0) / scores.length;
      const weak = scores.filter(([, score]) => score < 0.7);
      // in the report of a failure, the queries that are answered worst
      expect({ mean, weak: mean < 0.9 ? weak : [] }).toEqual({
        mean: expect.any(Number),
        weak: [],
      });
      expect(mean).toBeGreaterThanOrEqual(0.9);
      process.stdout.write(
        `nDCG@10 of 60 queries: ${mean.toFixed(3)}; weak: ${JSON.stringify(weak)}\n`,
      );
    });

    test('returns the fields of the catalogue, and the parts of the texts that it found', async () => {
      const { items, ...page } = await full.call(
        'search',
        { q: 'shirt cotton' },
        { caller: anonymous() },
      );
      expect(page).toMatchObject({ page: 1, limit: 20, total: 2 });
      const [item] = items;
      expect(item).toMatchObject({
        productId: expect.stringMatching(/^tshirt-/),
        category: 'Clothing',
        price: { currency: 'EUR' },
        availability: 'unknown',
      });
      const marked = item?.highlights?.name.filter(({ match }) => match).map(({ text }) => text);
      expect(marked).toEqual(['Shirt']);
      const excerpt = item?.highlights?.description.filter(({ match }) => match);
      expect(excerpt?.map(({ text }) => text)).toEqual(['cotton']);
      expect(item?.highlights?.name.map(({ text }) => text).join('')).toBe(item?.name);
    });

    test('counts all matches by category, price and stock', async () => {
      const { facets, total } = await full.call(
        'search',
        { q: 'tea', limit: 1 },
        { caller: anonymous() },
      );
      const sum = (counts: readonly { count: number }[] = []) =>
        counts.reduce((all, { count }) => all + count, 0);
      expect(total).toBeGreaterThan(1);
      expect([sum(facets?.categories), sum(facets?.prices), sum(facets?.stock)]).toEqual([
        total,
        total,
        total,
      ]);
      expect(facets?.categories.map(({ category }) => category)).toContain('Groceries');
    });

    test('without words returns the newest products, in pages', async () => {
      const bed = await newBed();
      for (const [index, id] of ['old', 'middle', 'new'].entries()) {
        const createdAt = `2026-01-0${index + 1}T00:00:00.000Z`;
        await bed.handleEvent(ProductCreated, product(id, { createdAt, updatedAt: createdAt }));
      }
      expect(await idsOf(bed, {})).toEqual(['new', 'middle', 'old']);
      expect(await idsOf(bed, { page: 2, limit: 2 })).toEqual(['old']);
      expect(await idsOf(bed, { page: 3, limit: 2 })).toEqual([]);
    });

    test('sorts by price, and selects by price, category and stock', async () => {
      const bed = await newBed();
      for (const [id, amount, category] of [
        ['cheap', '5', 'Tea'],
        ['dear', '20.50', 'TEA '],
        ['yen', '1000', 'coffee'],
      ] as const) {
        const currency = id === 'yen' ? 'JPY' : 'EUR';
        await bed.handleEvent(
          ProductCreated,
          product(id, { category, price: { amount, currency } }),
        );
      }
      const stock = { shopId: 's1', productId: 'cheap', previousStock: 0, change: 3, reason: 'x' };
      await bed.handleEvent(StockUpdated, { ...stock, newStock: 3 });
      expect(await idsOf(bed, { sort: 'price' })).toEqual(['cheap', 'dear', 'yen']);
      expect(await idsOf(bed, { sort: '-price' })).toEqual(['yen', 'dear', 'cheap']);
      expect(await idsOf(bed, { sort: 'price', category: 'tea' })).toEqual(['cheap', 'dear']);
      expect(await idsOf(bed, { minPrice: '5.01', maxPrice: '20.5' })).toEqual(['dear']);
      expect(await idsOf(bed, { inStock: true })).toEqual(['cheap']);
      expect(await idsOf(bed, { sort: 'price', inStock: false })).toEqual(['dear', 'yen']);
      const { facets } = await bed.call('search', {}, { caller: anonymous() });
      expect(facets).toMatchObject({
        categories: [{ count: 2 }, { category: 'coffee', count: 1 }],
        prices: [
          { currency: 'EUR', from: '0', to: '10', count: 1 },
          { currency: 'EUR', from: '10', to: '25', count: 1 },
          { currency: 'JPY', from: '1000', to: '2500', count: 1 },
        ],
        stock: [
          { inStock: true, count: 1 },
          { inStock: false, count: 2 },
        ],
      });
    });

    test('in a shop finds what the shop sells, at its prices and with its stock', async () => {
      const bed = await newBed();
      for (const id of ['plain', 'own-price', 'gone']) {
        await bed.handleEvent(ProductCreated, product(id));
      }
      for (const shopId of ['market', 'boutique']) {
        const price = { amount: '7.00', currency: 'EUR' };
        const offer = { shopId, productId: 'own-price', price, withdrawn: false };
        await bed.handleEvent(OfferUpdated, offer);
        await bed.handleEvent(OfferUpdated, { shopId, productId: 'gone', withdrawn: true });
      }
      const stock = { productId: 'own-price', previousStock: 0, change: 9, reason: 'x' };
      await bed.handleEvent(StockUpdated, { ...stock, shopId: 'market', newStock: 9 });
      expect((await idsOf(bed, { shopId: 'market' })).sort()).toEqual(['own-price', 'plain']);
      expect(await idsOf(bed, { shopId: 'boutique' })).toEqual(['own-price']);
      const request = { shopId: 'market', q: 'own', maxPrice: '7' };
      const { items } = await bed.call('search', request, { caller: anonymous() });
      expect(items).toMatchObject([{ price: { amount: '7.00' }, availability: 'in_stock' }]);
      // the boutique has none
      expect(await idsOf(bed, { shopId: 'boutique', inStock: true })).toEqual([]);
      await expect(idsOf(bed, { shopId: 'unknown' })).rejects.toMatchObject({
        code: Code.NOT_FOUND,
      });
    });

    test('finds the new words of a product and no longer the old ones, in any order of events', async () => {
      const bed = await newBed();
      const renamed = { ...product('p', { name: 'Blue mug' }), changed: ['name' as const] };
      await bed.handleEvent(ProductUpdated, renamed, { sequence: 2 });
      await bed.handleEvent(ProductCreated, product('p', { name: 'Red cup' }), { sequence: 1 });
      await bed.handleEvent(ProductUpdated, renamed, { sequence: 2 });
      expect(await idsOf(bed, { q: 'mug' })).toEqual(['p']);
      expect(await idsOf(bed, { q: 'red' })).toEqual([]);
    });

    test('has the stock that was reported before the product was known', async () => {
      const bed = await newBed();
      const stock = { shopId: 's1', productId: 'p', previousStock: 0, change: 2, reason: 'x' };
      await bed.handleEvent(StockUpdated, { ...stock, newStock: 2 });
      await bed.handleEvent(ProductCreated, product('p'));
      const { items } = await bed.call('search', { inStock: true }, { caller: anonymous() });
      expect(items).toMatchObject([{ productId: 'p', availability: 'low_stock' }]);
    });

    test('never shows the products or words of another tenant', async () => {
      const bed = await newBed();
      const theirs: Caller = { userId: '', role: 'service', tenantId: 'other' };
      await bed.handleEvent(ProductCreated, product('secretproject'), { caller: theirs });
      expect(await idsOf(bed, {})).toEqual([]);
      expect(await idsOf(bed, { q: 'secretproject' })).toEqual([]);
      expect((await bed.call('suggest', { q: 'secr' }, { caller: anonymous() })).items).toEqual([]);
      expect(await idsOf(bed, { q: 'secretprojekt' })).toEqual([]);
      const caller = anonymous('other');
      expect(await idsOf(bed, { q: 'secretprojekt' }, caller)).toEqual(['secretproject']);
      expect((await bed.call('suggest', { q: 'secr' }, { caller })).items).toHaveLength(1);
    });

    test.each([
      ...[
        '"',
        "'",
        '* OR 1',
        'name:tea',
        '{high} : tea',
        'NEAR(tea cup)',
        "tea' OR '1'='1",
        'tea"; DROP TABLE products; --',
      ],
      ...[
        'tea & !cup',
        "'tea':*",
        '(((',
        '\\',
        '%',
        '_',
        '^tea',
        'tea -cup',
        '(a+)+$',
        '${x}',
        '<b>tea</b>',
        '$1',
        '?',
        ':q',
      ],
    ])('takes the text %s as words, and answers', async (q) => {
      const answer = full.call('search', { q }, { caller: anonymous() });
      // either an answer or an error of the field: never one of the database
      const code = await answer.then(
        ({ total }) => (total < CATALOGUE.length ? 'answered' : 'everything'),
        (error: unknown) => (error instanceof MicroserviceError ? error.code : error),
      );
      expect(['answered', Code.INVALID_ARGUMENT]).toContain(code);
      expect((await idsOf(full, { q: 'jeans' }))[0]).toBe('jeans');
    });
  });

  describe('suggestions', () => {
    const texts = async (q: string, limit = 0) => {
      const { items } = await full.call('suggest', { q, limit }, { caller: anonymous() });
      return items.map(({ text }) => text);
    };

    test('complete what was typed by names of products and categories', async () => {
      expect(await texts('lap')).toEqual(expect.arrayContaining(['Laptop 14 inch', 'Laptop bag']));
      expect((await texts('furn'))[0]).toBe('Furniture');
      expect(await texts('l')).toContain('Laptop bag');
      expect(await texts('緑')).toContain('緑茶');
      expect(await texts('hikin b')).toContain('Hiking boots');
    });

    test('are as many as requested, each once', async () => {
      const found = await texts('a', 5);
      expect(found).toHaveLength(5);
      expect(new Set(found).size).toBe(5);
    });
  });
}
