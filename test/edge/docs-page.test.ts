import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { fromJson } from '@bufbuild/protobuf';
import { ListProductsResponseSchema } from '#proto/retail/product/v1/product_pb';
import { type Browser, chromium as engine } from 'playwright-core';
import { chromium } from '../../scripts/start/servers/chromium.mjs';
import { examples } from '../../services/gateway/openapi/examples/examples';
import { routes } from '../../services/gateway/routes/table';
import { type Edge, openEdge } from '../../services/gateway/testing/edge';

// The API documentation in a real browser, which `npm run servers` installs if it is missing.

let edge: Edge;
let browser: Browser;

beforeAll(async () => {
  const executablePath = chromium.find();
  if (executablePath === undefined) {
    throw new Error(`${chromium.name} is missing: run \`npm run servers\`, which installs it`);
  }
  // without its sandbox, which does not work as root, as in a container
  browser = await engine.launch({ executablePath, args: ['--no-sandbox'] });
  // an example is JSON of this message
  const products = examples['GET /products']!.data as never;
  const listProducts = () => fromJson(ListProductsResponseSchema, products);
  edge = await openEdge({ product: { listProducts } });
});
afterAll(async () => {
  await browser.close();
  await edge.close();
});

test('the page shows every operation, tries one, and violates no rule of its policy', async () => {
  const page = await browser.newPage({ viewport: { width: 1280, height: 1600 } });
  const errors: string[] = [];
  page.on('console', (line) => {
    if (line.type() === 'error' || line.type() === 'warning') errors.push(line.text());
  });
  page.on('pageerror', (error) => errors.push(String(error)));
  const requested: string[] = [];
  page.on('request', (request) => requested.push(request.url()));

  const origin = `http://127.0.0.1:${edge.port}`;
  await page.goto(`${origin}/api/docs`);
  const operations = page.locator('.opblock');
  await operations.nth(routes.length - 1).waitFor();
  expect(await operations.count()).toBe(routes.length);
  expect(await page.title()).toBe('Omnichannel API');

  const list = page.locator('#operations-products-listProducts');
  await list.locator('.opblock-summary').click();
  await list.getByRole('button', { name: 'Try it out' }).click();
  await list.getByRole('button', { name: 'Execute' }).click();
  await list.locator('.live-responses-table').getByText('product_Kx3v').first().waitFor();

  const { SCREENSHOT: path } = process.env;
  if (path !== undefined) await page.screenshot({ path });
  expect(errors).toEqual([]);
  // nothing from another server
  expect(requested.filter((url) => !url.startsWith(origin) && !url.startsWith('data:'))).toEqual(
    [],
  );
  expect(requested.some((url) => url.includes('/api/v1/products?'))).toBe(true);
});
