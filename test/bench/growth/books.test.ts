import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { asService } from '#kit/core/caller';
import { InventoryService } from '#proto/retail/inventory/v1/inventory_pb';
import { OrderService } from '#proto/retail/order/v1/order_pb';
import { ProductService } from '#proto/retail/product/v1/product_pb';
import { SHOP } from '../../e2e/fixtures';
import { Books, restore } from './books';

jest.setTimeout(60_000);

const APPS = [
  ...['user', 'product', 'order', 'payment'],
  ...['notification', 'inventory', 'delivery', 'shop', 'gateway'],
];
let folder: string;

beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'omnichannel-books-')), 'data');
  mkdirSync(folder);
  for (const app of APPS) {
    const file = new DatabaseSync(join(folder, `${app}.db`));
    // as the sidecar creates it
    file.exec(`CREATE TABLE state (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL,
      is_binary BOOLEAN NOT NULL, etag TEXT NOT NULL, expiration_time TIMESTAMP DEFAULT NULL,
      update_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)`);
    file.close();
  }
});
afterEach(() => {
  rmSync(dirname(folder), { recursive: true });
});

const ann = { userId: 'ann', role: 'customer', tenantId: 'default' } as const;
const page = { page: 1, limit: 1 };
const products = (books: Books) =>
  books.call('product', ProductService.method.listProducts, page, asService());
const orders = (books: Books) => books.call('order', OrderService.method.listOrders, page, ann);
const stock = (books: Books, productId: string) =>
  books.call('inventory', InventoryService.method.getStock, { shopId: SHOP, productId }, ann);

test('the services read the documents that were written', async () => {
  const productId = await Books.write(folder, async (books) => {
    const added = await books.addProduct();
    await books.order('ann', added);
    await books.reserve(added, false);
    await books.reserve(added, true);
    return added;
  });
  await Books.write(folder, async (books) => {
    expect(await products(books)).toMatchObject({ total: 1, items: [{ productId }] });
    expect(await orders(books)).toMatchObject({ total: 1, items: [{ status: 'confirmed' }] });
    expect(await stock(books, productId)).toMatchObject({ available: 999_997, reserved: 1 });
  });
});

test('an order that is only placed has its command', async () => {
  await Books.write(folder, async (books) => {
    const productId = await books.addProduct();
    const commands = await books.pending(3, () => ['ann', productId]);
    expect(commands.map(({ type }) => type)).toEqual(Array(3).fill('order.place'));
    const orderId = commands[0]!.subject;
    const order = await books.call('order', OrderService.method.getOrder, { orderId }, ann);
    expect(order.status).toBe('pending');
  });
});

test('a size can be left and returned to', async () => {
  const grown = await Books.write(folder, async (books) => {
    for (let n = 0; n < 101; n++) await books.addProduct();
    return books.pages();
  });
  const total = () => Books.write(folder, async (books) => (await products(books)).total);
  expect(await total()).toBe(101);
  restore(folder, grown.before);
  expect(await total()).toBe(0);
  restore(folder, grown.now);
  expect(await total()).toBe(101);
});
