import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { Delivery, Order, Product, Stock } from './edge';
import { ADDRESS, PRICE, type Shopper, SystemFixture } from './fixtures';
import { Seller } from './seller';

// What test/authorization proves in one process, on the running system: the calls of inventory and delivery
// to the shop service are made on behalf of the seller.

const SCOPES = ['shops', 'products', 'inventory', 'deliveries'].flatMap((resource) => [
  `${resource}:read`,
  `${resource}:write`,
]);

const Shop = z.looseObject({ shopId: z.string(), sellerIds: z.array(z.string()) });

let fixture: SystemFixture;
let sally: Seller;
let bob: Seller;
let reader: Seller;
let shopper: Shopper;
let shopId: string;
let productId: string;
let orderId: string;

beforeAll(async () => {
  fixture = await SystemFixture.open();
  sally = await Seller.register(fixture, 'Sally', SCOPES);
  bob = await Seller.register(fixture, 'Bob', SCOPES);
  reader = await Seller.register(fixture, 'Reader', ['products:read']);
  shopper = await fixture.shopper();

  const corner = { name: 'Corner', channels: ['store', 'online'], timeZone: 'Europe/Berlin' };
  ({ shopId } = await sally.ask(Shop, 201, 'POST', '/shops', { body: corner }));
  await bob.ask(Shop, 201, 'POST', '/shops', { body: corner });
  const pen = { name: 'Pen', description: 'Blue.', category: 'office', price: PRICE };
  ({ productId } = await sally.ask(Product, 201, 'POST', '/products', { body: pen }));
  await sally.ask(Stock, 200, 'POST', adjustments(), { body: { change: 5, reason: 'opening' } });
  const order = {
    shopId,
    items: [{ productId, quantity: 1 }],
    payment: { method: 'card', token: 'tok_ok' },
    deliveryAddress: ADDRESS,
  };
  ({ orderId } = await shopper.ask(Order, 201, 'POST', '/orders', { body: order }));
}, 180_000);

afterAll(() => fixture.close());

const adjustments = () => `/inventory/${shopId}/${productId}/adjustments`;

/** Each thing of Sally, how a request would change it, and how it is now. */
const things = [
  {
    name: 'the price of a product',
    request: () =>
      ['PATCH', `/products/${productId}`, { price: { amount: '0.01', currency: 'EUR' } }] as const,
    status: 403,
    current: () => fixture.anonymous.get(Product, `/products/${productId}`),
  },
  {
    name: 'the stock of a shop',
    request: () => ['POST', adjustments(), { change: -3, reason: 'gone' }] as const,
    status: 403,
    current: () => fixture.stock(productId, shopId),
  },
  {
    name: 'the delivery of an order',
    request: () => ['POST', `/deliveries/${orderId}/status`, { status: 'picked_up' }] as const,
    status: 404,
    current: () => shopper.get(Delivery, `/deliveries/${orderId}`),
  },
];

describe.each(things)('$name', ({ request, status, current }) => {
  test('is changed by no second seller, customer, anonymous client or key without the scope', async () => {
    const before = await current();
    const [method, path, body] = request();
    await bob.refused(status, method, path, { body });
    await shopper.refused(403, method, path, { body });
    await fixture.anonymous.refused(401, method, path, { body });
    await reader.refused(403, method, path, { body });
    expect(await current()).toEqual(before);
  });

  test('is changed by its own seller', async () => {
    const before = await current();
    const [method, path, body] = request();
    await sally.ask(z.unknown(), 200, method, path, { body });
    expect(await current()).not.toEqual(before);
  });
});

test('a seller who is removed from a shop loses its stock and deliveries immediately', async () => {
  const change = { body: { sellerIds: [bob.keyId] } };
  await fixture.admin.ask(Shop, 200, 'PATCH', `/shops/${shopId}`, change);
  const adjustment = { body: { change: 1, reason: 'found' } };
  await sally.refused(403, 'POST', adjustments(), adjustment);
  await bob.ask(Stock, 200, 'POST', adjustments(), adjustment);
  const step = { body: { status: 'in_transit' } };
  await sally.refused(404, 'POST', `/deliveries/${orderId}/status`, step);
  await bob.ask(Delivery, 200, 'POST', `/deliveries/${orderId}/status`, step);
});
