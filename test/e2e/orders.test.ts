import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { until } from '../harness/until';
import { eventsOf } from './bus';
import {
  Delivery,
  Notifications,
  Order,
  Orders,
  Product,
  Quote,
  Return,
  Stock,
  type Story,
} from './edge';
import {
  ADDRESS,
  PRICE,
  SHOP,
  type Shopper,
  SystemFixture,
  UNREACHABLE,
  orderBody,
  paidWith,
} from './fixtures';

const Shop = z.looseObject({ shopId: z.string() });

let fixture: SystemFixture;
let shopper: Shopper;

beforeAll(async () => {
  fixture = await SystemFixture.open({ controlPlane: true });
  shopper = await fixture.shopper();
});

afterAll(() => fixture.close());

const steps = ({ steps }: Story) => steps.map(({ step, outcome }) => `${step} ${outcome}`);
const events = ({ events }: Story) => events.map(({ type }) => type);

describe('an order for available products', () => {
  let productId: string;
  let order: Order;

  beforeAll(async () => {
    productId = await fixture.product(10);
    order = await shopper.buyConfirmed(productId, { items: [{ productId, quantity: 2 }] });
  });

  test('is confirmed at the price of the catalogue', () => {
    expect(order).toMatchObject({
      status: 'confirmed',
      items: [{ productId, quantity: 2, unitPrice: PRICE }],
      totalAmount: { amount: '39.98', currency: 'EUR' },
      userId: shopper.userId,
    });
  });

  test('has a saga log with each step and each event in order', async () => {
    const story = await shopper.story(order.orderId);
    expect(steps(story)).toEqual(['place done', 'reserve done', 'charge done', 'schedule done']);
    expect(events(story)).toEqual([
      'order.created',
      'product.stock.updated',
      'inventory.reserved',
      'payment.processed',
      'delivery.scheduled',
      'order.confirmed',
      'order.status.updated',
    ]);
    const times = [...story.steps, ...story.events].map(({ at }) => at);
    expect(times.every((at) => at >= order.createdAt)).toBe(true);
    expect(story.steps.map(({ at }) => at)).toEqual(story.steps.map(({ at }) => at).sort());
  });

  test('takes its pieces from the stock', async () => {
    expect(await fixture.stock(productId)).toEqual({ available: 8, reserved: 0 });
  });

  test('is charged once', async () => {
    expect(await shopper.payment(order)).toMatchObject({
      orderId: order.orderId,
      status: 'captured',
      amount: order.totalAmount,
      refunded: { amount: '0.00', currency: 'EUR' },
    });
  });

  test('has a scheduled delivery', async () => {
    const delivery = await shopper.get(Delivery, `/deliveries/${order.orderId}`);
    expect(delivery).toMatchObject({ deliveryId: order.deliveryId, status: 'scheduled' });
  });

  test('is in the list of its buyer', async () => {
    const { items } = await shopper.get(Orders, '/orders');
    expect(items.find(({ orderId }) => orderId === order.orderId)).toEqual(order);
  });

  test('is notified once for each event, in the inbox and by email', async () => {
    const notifications = await until('the notification of the order', async () => {
      const { items } = await shopper.get(Notifications, '/notifications?limit=100');
      const about = items.filter(({ subject, text }) => (subject + text).includes(order.orderId));
      return about.some(({ eventType }) => eventType === 'order.confirmed') && about;
    });
    const keys = notifications.map(({ channel, eventType }) => `${channel} ${eventType}`);
    expect(new Set(keys).size).toBe(keys.length);
    const folder = join(fixture.system.folder, 'data', 'messages', 'email');
    await until('the email', () =>
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
        .some((text) => text.includes(order.orderId) && text.includes(shopper.email)),
    );
  });

  test('updates the availability in the catalogue', async () => {
    await shopper.buyConfirmed(productId, { items: [{ productId, quantity: 8 }] });
    await until('the catalogue to show that it is out of stock', async () => {
      const { availability } = await fixture.anonymous.get(Product, `/products/${productId}`);
      return availability === 'out_of_stock';
    });
  });
});

describe('a cancelled order', () => {
  test('without enough stock has reserved and charged nothing', async () => {
    const [plenty, one] = [await fixture.product(10), await fixture.product(1)];
    const items = [
      { productId: plenty, quantity: 1 },
      { productId: one, quantity: 2 },
    ];
    const orderId = await shopper.buyCancelled('out_of_stock', plenty, { items });
    expect(await fixture.stock(plenty)).toEqual({ available: 10, reserved: 0 });
    expect(await fixture.stock(one)).toEqual({ available: 1, reserved: 0 });
    const story = await shopper.story(orderId);
    expect(steps(story).join()).not.toContain('charge');
    const publishedEvents = events(story);
    expect(publishedEvents).not.toContain('inventory.reserved');
    expect(publishedEvents.at(-2)).toBe('order.cancelled');
  });

  test('for an unknown product is refused with the name of the field', async () => {
    const { status, text } = await shopper.order('product_unknown');
    expect(status).toBe(422);
    expect(text).toContain('items.0.productId is not a known product');
  });

  test('with a declined payment releases its pieces', async () => {
    const productId = await fixture.product(5);
    const orderId = await shopper.buyCancelled(
      'payment_failed',
      productId,
      paidWith('tok_declined'),
    );
    expect(await fixture.stock(productId)).toEqual({ available: 5, reserved: 0 });
    const order = await shopper.get(Order, `/orders/${orderId}`);
    expect(order).toMatchObject({ status: 'cancelled', reason: 'payment_failed' });
    const story = await shopper.story(orderId);
    expect(story.steps).toContainEqual(
      expect.objectContaining({ step: 'charge', reason: 'insufficient_funds' }),
    );
    expect(events(story)).toEqual([
      'order.created',
      'product.stock.updated',
      'inventory.reserved',
      'payment.failed',
      'product.stock.updated',
      'inventory.released',
      'order.cancelled',
      'order.status.updated',
    ]);
  });

  test('to a country that is not served is refused before anything happens', async () => {
    const productId = await fixture.product(5);
    const { details } = await shopper.refused(422, 'POST', '/orders', {
      body: orderBody(productId, { deliveryAddress: UNREACHABLE }),
    });
    expect(details).toMatchObject({
      reason: 'country_not_served',
      fields: [{ field: 'deliveryAddress.country' }],
    });
    expect(details.orderId).toBeUndefined();
    expect(await fixture.stock(productId)).toEqual({ available: 5, reserved: 0 });
  });

  test('that is cancelled is refunded even if the first refund fails', async () => {
    const productId = await fixture.product(5);
    const { orderId } = await shopper.buyConfirmed(
      productId,
      paidWith('tok_undeliverable_refund_fails_once'),
    );
    await shopper.send('POST', `/orders/${orderId}/cancel`, {
      body: {},
      headers: { prefer: 'respond-async' },
    });
    const order = await shopper.waitForStatus('cancelled', orderId, 30_000);
    const payment = await shopper.payment(order);
    expect(payment.refunded).toEqual(payment.amount);
    expect(await fixture.stock(productId)).toEqual({ available: 5, reserved: 0 });
  });
});

describe('what the shop decides', () => {
  const OWN = { amount: '4.00', currency: 'EUR' };
  const newShop = async (more: object = {}) => {
    const body = {
      name: 'Corner',
      channels: ['online', 'pickup'],
      timeZone: 'Europe/Berlin',
      ...more,
    };
    return (await fixture.admin.ask(Shop, 201, 'POST', '/shops', { body })).shopId;
  };
  const stocked = async (shopId: string) => {
    const productId = await fixture.product(0);
    const path = `/inventory/${shopId}/${productId}/adjustments`;
    const body = { change: 5, reason: 'Delivery of Monday' };
    await fixture.admin.ask(Stock, 200, 'POST', path, { body });
    return productId;
  };

  test('is the price, and a withdrawal', async () => {
    const shopId = await newShop();
    const productId = await stocked(shopId);
    expect((await shopper.buyConfirmed(productId, { shopId })).totalAmount).toEqual(PRICE);
    const offers = `/shops/${shopId}/offers`;
    const body = { productId, price: OWN };
    await fixture.admin.ask(z.unknown(), 200, 'POST', offers, { body });
    expect((await shopper.buyConfirmed(productId, { shopId })).totalAmount).toEqual(OWN);
    await fixture.admin.ask(z.unknown(), 200, 'DELETE', `${offers}/${productId}`);
    const { details } = await shopper.refused(422, 'POST', '/orders', {
      body: orderBody(productId, { shopId }),
    });
    expect(details).toMatchObject({
      reason: 'offer_withdrawn',
      fields: [{ field: 'items.0.productId' }],
    });
  });

  test.each([
    ['channel_not_offered', { channels: ['store'] }],
    ['not_offered', { policies: { sellsCatalogue: false } }],
    [
      'shop_closed',
      // a shop that opens for a minute a week, on a day that is not today
      {
        policies: { ordersWhenClosed: 'refuse' },
        openingHours: [{ day: dayAfterTomorrow(), opens: '03:00', closes: '03:01' }],
      },
    ],
  ])('is whether it sells: %s', async (reason, more) => {
    const shopId = await newShop(more);
    const productId = await stocked(shopId);
    const { details } = await shopper.refused(422, 'POST', '/orders', {
      body: orderBody(productId, { shopId }),
    });
    expect(details).toMatchObject({ reason });
    expect(await fixture.stock(productId, shopId)).toEqual({ available: 5, reserved: 0 });
  });

  test('needs a shop, for an order and for a stock', async () => {
    const productId = await fixture.product(5);
    const { details } = await shopper.refused(422, 'POST', '/orders', {
      body: orderBody(productId, { shopId: 'shop_none' }),
    });
    expect(details).toMatchObject({ reason: 'shop_not_found', fields: [{ field: 'shopId' }] });
    const body = { change: 5, reason: 'Delivery of Monday' };
    for (const [path, missing] of [
      [`/inventory/shop_none/${productId}/adjustments`, 'shop_not_found'],
      [`/inventory/${SHOP}/product_none/adjustments`, 'product_not_found'],
    ] as const) {
      expect(await fixture.admin.refused(404, 'POST', path, { body })).toMatchObject({
        details: { reason: missing },
      });
    }
  });

  test('is who pays the delivery, at the price of a quote', async () => {
    const shopId = await newShop({ policies: { deliveryPaidBy: 'buyer' } });
    const productId = await stocked(shopId);
    const address = { ...ADDRESS, country: 'LU', postalCode: 'L–1234' };
    const quote = await fixture.anonymous.ask(Quote, 201, 'POST', '/delivery-quotes', {
      body: { shopId, address },
    });
    expect(quote).toMatchObject({ reachable: true, destination: { postalCode: '1234' } });
    const { quoteId } = quote;
    const order = await shopper.buyConfirmed(productId, {
      shopId,
      deliveryAddress: address,
      ...{ quoteId },
    });
    expect(order.deliveryPrice).toEqual(quote.price);
    expect(order.totalAmount.amount).toBe(
      (Number(PRICE.amount) + Number(quote.price?.amount)).toFixed(2),
    );
    expect((await shopper.payment(order)).amount).toEqual(order.totalAmount);
    const other = await shopper.refused(422, 'POST', '/orders', {
      body: orderBody(productId, { shopId, deliveryAddress: ADDRESS, ...{ quoteId } }),
    });
    expect(other.details).toMatchObject({ reason: 'quote_mismatch' });
  });
});

describe('an order for pickup', () => {
  const pickup = (orderId: string, status: string) =>
    fixture.admin.ask(Order, 200, 'POST', `/orders/${orderId}/pickup`, { body: { status } });

  test('is ready, then collected, and can then be returned', async () => {
    const productId = await fixture.product(5);
    const bought = await shopper.buyConfirmed(productId, {
      channel: 'pickup',
      items: [{ productId, quantity: 2 }],
      deliveryAddress: undefined,
    });
    const { orderId } = bought;
    expect(bought).toMatchObject({ channel: 'pickup', pickup: { status: 'preparing' } });
    const waiting = await fixture.admin.get(Orders, `/shops/${SHOP}/pickups?limit=100`);
    expect(waiting.items.map((order) => order.orderId)).toContain(orderId);
    expect((await pickup(orderId, 'ready')).pickup).toMatchObject({ status: 'ready' });
    const returns = `/orders/${orderId}/returns`;
    const body = { items: [{ productId, quantity: 1 }], reason: 'damaged' };
    expect((await shopper.refused(422, 'POST', returns, { body })).details).toMatchObject({
      reason: 'not_handed_over',
    });
    await pickup(orderId, 'collected');
    expect(
      (await shopper.refused(422, 'POST', `/orders/${orderId}/cancel`, { body: {} })).details,
    ).toMatchObject({ reason: 'handed_over' });

    const { returnId } = await shopper.ask(Return, 201, 'POST', returns, { body });
    const path = `${returns}/${returnId}`;
    await fixture.admin.ask(Return, 200, 'POST', `${path}/receipt`);
    const decided = await fixture.admin.ask(Return, 200, 'POST', `${path}/decision`, {
      body: { items: [] },
    });
    expect(decided).toMatchObject({ status: 'completed', refunded: PRICE });
    expect(await shopper.get(Return, path)).toEqual(decided);
    const order = await shopper.get(Order, `/orders/${orderId}`);
    expect((await shopper.payment(order)).refunded).toEqual(PRICE);
    expect(await fixture.stock(productId)).toEqual({ available: 4, reserved: 0 });
  });

  test('is cancelled and refunded before it is collected', async () => {
    const productId = await fixture.product(5);
    const { orderId } = await shopper.buyConfirmed(productId, {
      channel: 'pickup',
      deliveryAddress: undefined,
    });
    await pickup(orderId, 'ready');
    const body = {};
    const order = await shopper.ask(Order, 200, 'POST', `/orders/${orderId}/cancel`, { body });
    expect(order.status).toBe('cancelled');
    expect(await fixture.stock(productId)).toEqual({ available: 5, reserved: 0 });
  });
});

test('an order in transit is returned, not cancelled', async () => {
  const productId = await fixture.product(5);
  const { orderId } = await shopper.buyConfirmed(productId);
  const body = { status: 'picked_up' };
  await fixture.admin.ask(Delivery, 200, 'POST', `/deliveries/${orderId}/status`, { body });
  const refusal = await shopper.refused(422, 'POST', `/orders/${orderId}/cancel`, { body: {} });
  expect(refusal.details.reason).toBe('picked_up');
  expect(
    await shopper.ask(Return, 201, 'POST', `/orders/${orderId}/returns`, { body: {} }),
  ).toMatchObject({ status: 'requested', items: [{ productId, quantity: 1 }] });
});

describe('a payment', () => {
  test('that fails twice before it succeeds confirms the order and is charged once', async () => {
    const productId = await fixture.product(5);
    const { orderId } = await shopper.buyAsync(productId, paidWith('tok_flaky'));
    const order = await shopper.waitForStatus('confirmed', orderId, 40_000);
    expect((await shopper.payment(order)).amount).toEqual(PRICE);
    expect(await fixture.stock(productId)).toEqual({ available: 4, reserved: 0 });
  });

  test('with an unknown outcome cancels the order, keeps no money and releases the pieces', async () => {
    const productId = await fixture.product(5);
    const { orderId } = await shopper.buyAsync(productId, paidWith('tok_timeout'));
    const order = await shopper.waitForStatus('cancelled', orderId, 100_000);
    expect(order.reason).toBe('payment_unknown');
    expect(await fixture.stock(productId)).toEqual({ available: 5, reserved: 0 });
    const publishedEvents = (await eventsOf(fixture.system)).filter(({ data }) =>
      JSON.stringify(data).includes(orderId),
    );
    const taken = publishedEvents.filter(({ type }) => type === 'payment.processed').length;
    const given = publishedEvents.filter(({ type }) => type === 'payment.refunded').length;
    expect(taken).toBe(given);
  });
});

describe('a cancellation by the buyer', () => {
  const cancel = (orderId: string) => `/orders/${orderId}/cancel`;
  const body = { reason: 'changed_my_mind' };

  test('before the confirmation ends the order without a charge', async () => {
    const productId = await fixture.product(5);
    const { orderId } = await shopper.buyAsync(productId, paidWith('tok_timeout'));
    await until('the charge to be in flight', async () => {
      return (await fixture.stock(productId)).reserved === 1;
    });
    await shopper.send('POST', cancel(orderId), { body, headers: { prefer: 'respond-async' } });
    const order = await shopper.waitForStatus('cancelled', orderId, 100_000);
    expect(order.reason).toBe('changed_my_mind');
    expect(await fixture.stock(productId)).toEqual({ available: 5, reserved: 0 });
  });

  test('after the confirmation refunds, releases the pieces and cancels the delivery', async () => {
    const productId = await fixture.product(5);
    const { orderId } = await shopper.buyConfirmed(productId);
    const order = await shopper.ask(Order, 200, 'POST', cancel(orderId), { body });
    expect(order).toMatchObject({ status: 'cancelled', reason: 'changed_my_mind' });
    const payment = await shopper.payment(order);
    expect(payment.refunded).toEqual(payment.amount);
    expect(await fixture.stock(productId)).toEqual({ available: 5, reserved: 0 });
    const delivery = await shopper.get(Delivery, `/deliveries/${orderId}`);
    expect(delivery.status).toBe('cancelled');
    const ends = events(await shopper.story(orderId)).filter((type) => type === 'order.cancelled');
    expect(ends).toHaveLength(1);
  });

  test('that is repeated is one cancellation', async () => {
    const productId = await fixture.product(5);
    const { orderId } = await shopper.buyConfirmed(productId);
    const [first, second] = await Promise.all([
      shopper.send('POST', cancel(orderId), { body }),
      shopper.send('POST', cancel(orderId), { body }),
    ]);
    expect([200, 202, 409, 422]).toContain(first.status);
    expect([200, 202, 409, 422]).toContain(second.status);
    const order = await shopper.waitForStatus('cancelled', orderId);
    expect((await shopper.payment(order)).refunds).toHaveLength(1);
    expect(await fixture.stock(productId)).toEqual({ available: 5, reserved: 0 });
  });
});

describe('an order of another user', () => {
  test('is not found', async () => {
    const { orderId, paymentId } = await shopper.buyConfirmed(await fixture.product(5));
    const other = await fixture.shopper();
    await Promise.all([
      other.refused(404, 'GET', `/orders/${orderId}`),
      other.refused(404, 'GET', `/orders/${orderId}/story`),
      other.refused(404, 'POST', `/orders/${orderId}/cancel`, { body: {} }),
      other.refused(404, 'GET', `/payments/${String(paymentId)}`),
      other.refused(404, 'GET', `/deliveries/${orderId}`),
    ]);
    expect(await other.get(Orders, '/orders')).toMatchObject({ items: [], total: 0 });
    expect(await shopper.get(Order, `/orders/${orderId}`)).toMatchObject({ status: 'confirmed' });
  });

  test('is refused to clients that are not signed in', async () => {
    await fixture.anonymous.refused(401, 'GET', '/orders');
    await fixture.anonymous.refused(401, 'POST', '/orders', { body: {} });
  });
});

/** In lower case; by UTC, which is at most a day from any local time. */
function dayAfterTomorrow(): string {
  const at = new Date(Date.now() + 2 * 24 * 3_600_000);
  return at.toLocaleDateString('en-US', { weekday: 'long', timeZone: 'UTC' }).toLowerCase();
}
