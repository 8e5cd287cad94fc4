// @ts-check
// place-order: places one order through the gateway (GATEWAY_URL), as the first admin, and waits until it is
// confirmed. `helm test` runs it. It opens a shop of its own with one product, once.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { runMain } from '../../scripts/start/command-line.mjs';
import { call, dataOf, request, signIn } from '../../scripts/start/gateway.mjs';
import { UserError } from '../../scripts/start/user-error.mjs';

const SHOP = 'shop_helm-test';
const PRODUCT = 'Test order';
const CONFIRMED_MS = 60_000;
const EVERY_MS = 250;

runMain(async () => {
  const { ADMIN_EMAIL: email = '', ADMIN_PASSWORD: password = '' } = process.env;
  const { PAYMENT_TOKEN: payment = 'tok_ok' } = process.env;
  const { token } = await signIn({ email, password });
  const productId = await offeredProduct(token);
  const { orderId, status } = await call('POST', '/orders', {
    token,
    key: randomUUID(),
    body: {
      shopId: SHOP,
      items: [{ productId, quantity: 1 }],
      payment: { method: 'card', token: payment },
      deliveryAddress: {
        name: 'Test order',
        line1: 'Hauptstraße 1',
        postalCode: '10827',
        city: 'Berlin',
        country: 'DE',
      },
    },
  });
  const deadline = performance.now() + CONFIRMED_MS;
  let order = { status, reason: undefined };
  while (order.status === 'pending' && performance.now() < deadline) {
    await sleep(EVERY_MS);
    order = await call('GET', `/orders/${orderId}`, { token });
  }
  if (order.status !== 'confirmed') {
    throw new UserError(`The order ${orderId} is ${order.status}: ${order.reason ?? 'no reason'}.`);
  }
  console.log(`The order ${orderId} is confirmed.`);
});

/**
 * The product of the test's shop, with a piece in stock.
 * @param {string} token
 * @returns {Promise<string>}
 */
async function offeredProduct(token) {
  const shop = await request('GET', `/shops/${SHOP}`);
  if (shop.status === 404) {
    const body = {
      shopId: SHOP,
      name: 'Shop of helm test',
      channels: ['online'],
      timeZone: 'Europe/Berlin',
      openingHours: [],
    };
    await call('POST', '/shops', { token, body });
  } else dataOf(shop, 'GET', `/shops/${SHOP}`);
  const offers = await call('GET', `/shops/${SHOP}/offers?page=1&limit=1`);
  const productId = offers.items[0]?.productId ?? (await offerNew(token));
  const stock = `/inventory/${SHOP}/${productId}`;
  const body = { change: 1, reason: 'helm test' };
  await call('POST', `${stock}/adjustments`, { token, body });
  return productId;
}

/** @param {string} token @returns {Promise<string>} the id of a product that the shop offers now */
async function offerNew(token) {
  const { productId } = await call('POST', '/products', {
    token,
    key: `helm-test-${SHOP}`,
    body: {
      name: PRODUCT,
      description: 'What helm test orders',
      category: 'test',
      price: { amount: '1.00', currency: 'EUR' },
    },
  });
  // The shop learns of a product by an event.
  const deadline = performance.now() + CONFIRMED_MS;
  for (;;) {
    const response = await request('POST', `/shops/${SHOP}/offers`, { token, body: { productId } });
    if (response.status < 400 || performance.now() > deadline) {
      dataOf(response, 'POST', `/shops/${SHOP}/offers`);
      return productId;
    }
    await sleep(EVERY_MS);
  }
}
