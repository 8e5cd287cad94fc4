// @ts-check
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { readAccounts } from './accounts.mjs';
import { register } from './fleet.mjs';
import { call, dataOf, request, withSession } from './gateway.mjs';
import { UserError } from './user-error.mjs';

const SHOP = 'shop_1';
const PENDING_MS = 30_000;

const eur = (/** @type {string} */ amount) => ({ amount, currency: 'EUR' });

const catalogue = [
  ['Espresso beans 1 kg', 'coffee', '18.90', 2000],
  ['Filter coffee 500 g', 'coffee', '9.40', 2000],
  ['Hand grinder', 'equipment', '64.00', 1000],
  ['Moka pot', 'equipment', '32.50', 1000],
  ['Porcelain cup', 'tableware', '7.20', 5000],
  ['Green tea 100 g', 'tea', '5.80', 2000],
  ['Copper kettle, nearly sold out', 'equipment', '89.00', 3],
  ['Tea chest, sold out', 'tea', '120.00', 0],
].map(([name, category, price, pieces]) => ({
  product: {
    name: String(name),
    description: `${name}, of the demo catalogue`,
    category: String(category),
    price: eur(String(price)),
  },
  pieces: Number(pieces),
}));

const WEEKDAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday'];

const shop = {
  shopId: SHOP,
  name: 'Demo shop',
  channels: ['online', 'store', 'pickup', 'vending'],
  timeZone: 'Europe/Berlin',
  openingHours: [...WEEKDAYS, 'saturday'].map((day) => ({ day, opens: '08:00', closes: '20:00' })),
};

/**
 * Creates the demo shop, its catalogue and its stock. Existing parts are left unchanged.
 * @returns {Promise<{ name: string, productId: string, pieces: number }[]>}
 */
export const fillCatalogue = () => withSession(readAccounts().admin, fillCatalogueAs);

/** @param {string} token of an admin */
async function fillCatalogueAs(token) {
  await openShop(token);
  const known = await allOf('/products', ({ name }) => name);
  const offered = await allOf(`/shops/${SHOP}/offers`, ({ productId }) => productId);
  return Promise.all(
    catalogue.map(async ({ product, pieces }) => {
      const { productId } =
        known.get(product.name) ??
        (await call('POST', '/products', {
          token,
          body: product,
          key: `demo-${product.name.replace(/\W+/g, '-')}`,
        }));
      if (!offered.has(productId)) {
        await call('POST', `/shops/${SHOP}/offers`, { token, body: { productId } });
      }
      await stockUp(token, productId, pieces);
      return { name: product.name, productId, pieces };
    }),
  );
}

/** @param {string} token */
async function openShop(token) {
  const known = await request('GET', `/shops/${SHOP}`);
  if (known.status === 404) await call('POST', '/shops', { token, body: shop });
  else dataOf(known, 'GET', `/shops/${SHOP}`);
}

/**
 * All items of a paged list, by key.
 * @param {string} path
 * @param {(item: { name: string, productId: string }) => string} keyOf
 * @returns {Promise<Map<string, { productId: string }>>}
 */
async function allOf(path, keyOf) {
  const found = new Map();
  for (let page = 1; ; page += 1) {
    const { items, total } = await call('GET', `${path}?page=${page}&limit=100`);
    for (const item of items) found.set(keyOf(item), item);
    if (items.length === 0 || page * 100 >= total) return found;
  }
}

/**
 * @param {string} token
 * @param {string} productId
 * @param {number} pieces
 */
async function stockUp(token, productId, pieces) {
  const path = `/inventory/${SHOP}/${productId}`;
  const stock = await request('GET', path, { token });
  const { available } = stock.status === 404 ? { available: 0 } : dataOf(stock, 'GET', path);
  const change = pieces - available;
  if (change <= 0) return;
  await call('POST', `${path}/adjustments`, { token, body: { change, reason: 'demo stock' } });
}

/**
 * Places an order and waits until it is settled.
 * @param {string} productId
 * @returns {Promise<{ orderId: string, story: import('./story.mjs').Story, ms: number }>}
 */
export async function placeOrder(productId) {
  const { customer } = readAccounts();
  await register(customer, 'Demo Customer');
  return withSession(customer, (token) => placeOrderAs(token, productId));
}

/**
 * @param {string} token of the customer
 * @param {string} productId
 */
async function placeOrderAs(token, productId) {
  const begun = performance.now();
  const { orderId, status } = await call('POST', '/orders', {
    token,
    key: randomUUID(),
    body: {
      shopId: SHOP,
      items: [{ productId, quantity: 1 }],
      payment: { method: 'card', token: 'tok_ok' },
      deliveryAddress: {
        name: 'Demo Customer',
        line1: 'Hauptstraße 1',
        postalCode: '10827',
        city: 'Berlin',
        country: 'DE',
      },
    },
  });
  const settled = await settledOrder(token, orderId, status);
  const ms = performance.now() - begun;
  if (settled.status !== 'confirmed') {
    throw new UserError(
      `The demo order ${orderId} was not confirmed: it is ${settled.status} (${settled.reason ?? 'no reason'}). Its steps: "npm run story -- ${orderId}".`,
    );
  }
  return { orderId, ms, story: await call('GET', `/orders/${orderId}/story`, { token }) };
}

/**
 * @param {string} token
 * @param {string} orderId
 * @param {string} status
 */
async function settledOrder(token, orderId, status) {
  const deadline = performance.now() + PENDING_MS;
  let order = { status, reason: undefined };
  while (order.status === 'pending' && performance.now() < deadline) {
    await sleep(250);
    order = await call('GET', `/orders/${orderId}`, { token });
  }
  return order;
}
