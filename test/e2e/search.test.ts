import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { ORDER_FLOW } from '../harness/system';
import { until } from '../harness/until';
import { Product } from './edge';
import { PRICE, SHOP, SystemFixture } from './fixtures';

// The search on real sidecars: from the write at the owner, over the bus, to the answer of the edge. What it
// finds, and in which order, is tested in services/search.

const Found = z.object({
  items: z.array(Product.extend({ highlights: z.object({}).loose() })),
  facets: z.object({ categories: z.array(z.object({ category: z.string(), count: z.int() })) }),
  page: z.int(),
  limit: z.int(),
  total: z.int(),
});
const Status = z.object({ generation: z.int(), state: z.string(), done: z.int(), total: z.int() });

let fixture: SystemFixture;
beforeAll(async () => {
  fixture = await SystemFixture.open({ apps: [...ORDER_FLOW, 'search'] });
});
afterAll(() => fixture.close());

const search = (query: string) => fixture.anonymous.get(Found, `/search?${query}`);

/** Waits until the search has one product that satisfies a condition; returns how long that took. */
async function found(
  query: string,
  condition: (item: z.infer<typeof Found>['items'][number] | undefined) => boolean,
): Promise<number> {
  const begun = performance.now();
  await until(`${query} to be found`, async () => condition((await search(query)).items[0]));
  return performance.now() - begun;
}

async function create(name: string) {
  const body = { name, description: 'Of porcelain.', category: 'Search test', price: PRICE };
  return (await fixture.admin.ask(Product, 201, 'POST', '/products', { body })).productId;
}

test('a new product, its changes, its stock and a shop’s offer are found', async () => {
  const productId = await create('Zwiebelmuster plate');
  const times = [await found('q=zwiebelmustr', (item) => item?.productId === productId)];
  await fixture.admin.ask(Product, 200, 'PATCH', `/products/${productId}`, {
    body: { name: 'Strohhalm plate' },
  });
  times.push(await found('q=strohhalm', (item) => item?.productId === productId));
  expect((await search('q=zwiebelmuster')).total).toBe(0);
  await fixture.admin.send('POST', `/inventory/${SHOP}/${productId}/adjustments`, {
    body: { change: 7, reason: 'opening' },
  });
  times.push(await found('q=strohhalm&inStock=true', (item) => item?.availability === 'in_stock'));
  await fixture.admin.send('POST', `/shops/${SHOP}/offers`, {
    body: { productId, price: { amount: '3.50', currency: 'EUR' } },
  });
  const inShop = `q=strohhalm&shopId=${SHOP}`;
  times.push(await found(inShop, (item) => item?.price.amount === '3.50'));
  await fixture.admin.send('DELETE', `/shops/${SHOP}/offers/${productId}`);
  times.push(await found(inShop, (item) => item === undefined));
  expect((await search('q=strohhalm')).items[0]?.price).toEqual(PRICE);
  const shown = times.map((ms) => Math.round(ms)).join(', ');
  process.stdout.write(`from the answer of a write until the search has it: ${shown} ms\n`);
});

test('a build of the index from the owners finds the same, while the one before answers', async () => {
  const productId = await create('Gartenzwerg');
  await found('q=gartenzwerg', (item) => item?.productId === productId);
  const started = await fixture.admin.ask(Status, 200, 'POST', '/search/index/rebuild');
  await until('the new index to answer', async () => {
    expect((await search('q=gartenzwerg')).total).toBe(1);
    const { generation, state } = await fixture.admin.get(Status, '/search/index');
    return generation === started.generation && state === 'active';
  });
  await found('q=gartenzwerg', (item) => item?.productId === productId);
});

test('a text that is too long, and a search for too much, are refused with the limit', async () => {
  const long = await fixture.anonymous.refused(422, 'GET', `/search?q=${'x'.repeat(201)}`);
  expect(long.details.fields).toMatchObject([
    { field: 'q', message: expect.stringContaining('200') },
  ]);
  const deep = await fixture.anonymous.refused(422, 'GET', '/search?page=200&limit=100');
  expect(deep.details.fields).toEqual([
    { field: 'page', message: 'must end within the first 10000 results' },
  ]);
  await fixture.anonymous.refused(404, 'GET', '/search?shopId=shop_unknown');
});
