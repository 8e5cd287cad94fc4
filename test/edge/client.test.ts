import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { ListProductsResponseSchema } from '#proto/retail/product/v1/product_pb';
import { OrderSchema } from '#proto/retail/order/v1/order_pb';
import { fromJson } from '@bufbuild/protobuf';
import { examples } from '../../services/gateway/openapi/examples/examples';
import { type Edge, openEdge } from '../../services/gateway/testing/edge';

// A client generated from docs/openapi.json, which uses nothing else of this repository.

const root = resolve(__dirname, '../..');
const run = promisify(execFile);
const program = (name: string) => join(root, 'node_modules/.bin', name);

const CLIENT = `
import createClient from 'openapi-fetch';
import type { components, paths } from './api.js';

export async function placeOrder(baseUrl: string, token: string): Promise<string> {
  const headers = { authorization: \`Bearer \${token}\` };
  // errors have a form for each media type; this client uses the plain one
  const client = createClient<paths, 'application/json'>({ baseUrl, headers });
  const listed = await client.GET('/products', { params: { query: { page: 1, limit: 1 } } });
  const product: components['schemas']['Product'] | undefined = listed.data?.data.items[0];
  if (product === undefined) throw new Error('no products');
  const { data, error } = await client.POST('/orders', {
    params: { header: { 'Idempotency-Key': 'first' } },
    body: {
      shopId: 'shop_1',
      items: [{ productId: product.productId, quantity: 2 }],
      payment: { method: 'card', token: 'tok_ok' },
      deliveryAddress: {
        name: 'Ada', line1: 'Street 1', postalCode: '10115', city: 'Berlin', country: 'DE',
      },
    },
  });
  if (error !== undefined) throw new Error(\`\${error.error} (\${error.details.reason ?? ''})\`);
  const { orderId, status } = data.data;
  return \`\${orderId} \${status}\`;
}
`;

/** Must not compile: a field of another type, and a missing field. */
const WRONG = `
import createClient from 'openapi-fetch';
import type { paths } from './api.js';
const client = createClient<paths>({ baseUrl: '' });
await client.POST('/auth/login', { body: { email: 'a@example.com', password: 1 } });
await client.POST('/auth/login', { body: { email: 'a@example.com' } });
`;

const OPTIONS = {
  target: 'es2025',
  module: 'nodenext',
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: true,
  types: ['node'],
  outDir: 'dist',
};

let folder = '';
let edge: Edge;

beforeAll(async () => {
  // inside the project, so that the client finds its packages
  mkdirSync(join(root, '.local'), { recursive: true });
  folder = mkdtempSync(join(root, '.local/client-'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  const api = [join(root, 'docs/openapi.json'), '-o', join(folder, 'api.d.ts')];
  await run(program('openapi-typescript'), api);
  // examples are JSON of these messages
  const products = examples['GET /products']!.data as never;
  const order = examples['POST /orders']!.data as never;
  edge = await openEdge({
    product: { listProducts: () => fromJson(ListProductsResponseSchema, products) },
    order: {
      placeOrder: ({ items }) => ({
        ...fromJson(OrderSchema, order),
        orderId: `order_of_${String(items[0]?.quantity)}`,
      }),
    },
  });
});
afterAll(async () => {
  await edge.close();
  rmSync(folder, { recursive: true });
});

/** Compiles a file; returns a line for each error. */
async function compile(name: string, text: string): Promise<string[]> {
  writeFileSync(join(folder, `${name}.ts`), text);
  const config = { compilerOptions: OPTIONS, files: [`${name}.ts`] };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  try {
    await run(program('tsc'), ['-p', folder], { cwd: folder });
    return [];
  } catch (error) {
    const { stdout } = error as { stdout: string }; // the error of execFile
    return stdout.split('\n').filter((line) => line.includes('error'));
  }
}

test('the document is valid OpenAPI 3.1', async () => {
  const { stdout } = await run(program('validate-api'), [join(root, 'docs/openapi.json')]);
  expect(stdout).toContain('true');
});

test('a client generated from the document compiles strictly and places an order', async () => {
  expect(await compile('client', CLIENT)).toEqual([]);
  const { stdout } = await run(process.execPath, [
    '--input-type=module',
    '-e',
    `import { placeOrder } from '${join(folder, 'dist/client.js')}';
     console.log(await placeOrder('http://127.0.0.1:${edge.port}/api/v1', '${await edge.token()}'));`,
  ]);
  expect(stdout.trim()).toBe('order_of_2 confirmed');
});

test('a request that the API would refuse for its form does not compile', async () => {
  const errors = await compile('wrong', WRONG);
  expect(errors.map((line) => /\((\d+),/.exec(line)?.[1])).toEqual(['5', '6']);
});
