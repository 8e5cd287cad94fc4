import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Process } from '../harness/process';
import { until } from '../harness/until';
import { SystemFixture } from './fixtures';

// What a client sees of the catalogue while the product service is down.

let fixture: SystemFixture;
let product: Process;
let productId: string;

beforeAll(async () => {
  fixture = await SystemFixture.open();
  const processes = fixture.system.apps.flatMap((app) => app.processes);
  const found = processes.find(({ name }) => name === 'product');
  if (found === undefined) throw new Error('this system has no product service');
  product = found;
  productId = await fixture.product(1);
});
afterAll(() => fixture.close());

async function get(path: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${fixture.system.app('gateway').url}/api/v1${path}`, { headers });
  const text = await response.text();
  return {
    status: response.status,
    cache: response.headers.get('x-cache'),
    age: response.headers.get('age'),
    etag: response.headers.get('etag') ?? '',
    data: text === '' ? undefined : (JSON.parse(text) as { data?: unknown }).data,
  };
}

test('a product is served from the last good response until its service is back', async () => {
  const path = `/products/${productId}`;
  const fresh = await get(path);
  expect(fresh).toMatchObject({ status: 200, cache: null, age: null });

  await product.kill();
  const stale = await until('a stale response', async () => {
    const response = await get(path);
    return response.status === 200 && response;
  });
  expect(stale).toMatchObject({ cache: 'stale', data: fresh.data, etag: fresh.etag });
  expect(Number(stale.age)).toBeGreaterThanOrEqual(0);
  // what the browser has is still the last good response
  const known = await get(path, { 'if-none-match': fresh.etag });
  expect(known).toMatchObject({ status: 304, cache: 'stale' });
  // what was never read has no response that could be served
  const unknown = await get('/products/product_never_read');
  expect(unknown.status).toBeGreaterThanOrEqual(502);
  expect(unknown.cache).toBeNull();

  product.start();
  const again = await until(
    'a fresh response',
    async () => {
      const response = await get(path);
      return response.status === 200 && response.cache === null && response;
    },
    60_000,
  );
  expect(again).toMatchObject({ age: null, data: fresh.data });
}, 120_000);
