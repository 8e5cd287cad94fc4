import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { ListProductsResponseSchema } from '#proto/retail/product/v1/product_pb';
import { OrderSchema } from '#proto/retail/order/v1/order_pb';
import { fromJson } from '@bufbuild/protobuf';
import { documented } from '../../services/gateway/openapi/examples/examples';
import { type Edge, openEdge } from '../../services/gateway/testing/edge';

// A client as somebody outside would write it: from docs/openapi.json, and nothing else of ours.

const root = resolve(__dirname, '../..');
const run = promisify(execFile);
const program = (name: string) => join(root, 'node_modules/.bin', name);

const CLIENT = `
import createClient from 'openapi-fetch';
import type { components, paths } from './api.js';

export async function placeOrder(baseUrl: string, token: string): Promise<string> {
  const headers = { authorization: \`Bearer \${token}\` };
  // refusals have a form for each media type: this client knows the plain one
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

/** What the compiler has to refuse: a field of another type, and one left out. */
const WRONG = `
import createClient from 'openapi-fetch';
import type { paths } from './api.js';
const client = createClient<paths>({ baseUrl: '' });
await client.POST('/auth/login', { body: { email: 'a@example.com', password: 1 } });
await client.POST('/auth/login', { body: { email: 'a@example.com' } });
`;

const OPTIONS = {
  ...{ target: 'es2025', module: 'nodenext', strict: true, exactOptionalPropertyTypes: true },
  ...{ noUncheckedIndexedAccess: true, skipLibCheck: true, types: ['node'], outDir: 'dist' },
};

let folder = '';
let edge: Edge;

beforeAll(async () => {
  // below the project, so that the client finds its packages
  mkdirSync(join(root, '.local'), { recursive: true });
  folder = mkdtempSync(join(root, '.local/client-'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  const api = [join(root, 'docs/openapi.json'), '-o', join(folder, 'api.d.ts')];
  await run(program('openapi-typescript'), api);
  // examples are JSON of these very messages
  const products = documented['GET /products']!.data as never;
  const order = documented['POST /orders']!.data as never;
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

/** What the compiler says of a file, a line for each fault. */
async function compile(name: string, text: string): Promise<string[]> {
  writeFileSync(join(folder, `${name}.ts`), text);
  const config = { compilerOptions: OPTIONS, files: [`${name}.ts`] };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  try {
    await run(program('tsc'), ['-p', folder], { cwd: folder });
    return [];
  } catch (error) {
    const { stdout } = error as { stdout: string }; // it is what execFile throws
    return stdout.split('\n').filter((line) => line.includes('error'));
  }
}

test('the document is OpenAPI 3.1', async () => {
  const { stdout } = await run(program('validate-api'), [join(root, 'docs/openapi.json')]);
  expect(stdout).toContain('true');
});

test('a client made from the document compiles strictly, and places an order', async () => {
  expect(await compile('client', CLIENT)).toEqual([]);
  const { stdout } = await run(process.execPath, [
    '--input-type=module',
    '-e',
    `import { placeOrder } from '${join(folder, 'dist/client.js')}';
     console.log(await placeOrder('http://127.0.0.1:${edge.port}/api/v1', '${await edge.token()}'));`,
  ]);
  expect(stdout.trim()).toBe('order_of_2 confirmed');
});

test('what the API refuses by its form does not compile', async () => {
  const faults = await compile('wrong', WRONG);
  expect(faults.map((line) => /\((\d+),/.exec(line)?.[1])).toEqual(['5', '6']);
});
