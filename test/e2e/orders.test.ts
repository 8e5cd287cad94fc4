import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { until } from '../harness/until';
import { eventsOf } from './bus';
import { Delivery, Notifications, Order, Orders, Product, type Story } from './edge';
import { SystemFixture, UNDELIVERABLE, PRICE, type Shopper, paidWith } from './fixtures';

let fixture: SystemFixture;
let shopper: Shopper;

beforeAll(async () => {
  fixture = await SystemFixture.open();
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

  test('to an undeliverable address is refunded and releases its pieces', async () => {
    const productId = await fixture.product(5);
    const orderId = await shopper.buyCancelled('undeliverable', productId, {
      deliveryAddress: UNDELIVERABLE,
    });
    expect(await fixture.stock(productId)).toEqual({ available: 5, reserved: 0 });
    expect(events(await shopper.story(orderId))).toEqual([
      'order.created',
      'product.stock.updated',
      'inventory.reserved',
      'payment.processed',
      'payment.refunded',
      'product.stock.updated',
      'inventory.released',
      'order.cancelled',
      'order.status.updated',
    ]);
    const order = await shopper.get(Order, `/orders/${orderId}`);
    const payment = await shopper.payment(order);
    expect(payment.refunded).toEqual(payment.amount);
  });

  test('is refunded even if the first refund fails', async () => {
    const productId = await fixture.product(5);
    const begun = await shopper.buyAsync(productId, {
      deliveryAddress: UNDELIVERABLE,
      ...paidWith('tok_undeliverable_refund_fails_once'),
    });
    const order = await shopper.waitForStatus('cancelled', begun.orderId, 30_000);
    expect(order.reason).toBe('undeliverable');
    const payment = await shopper.payment(order);
    expect(payment.refunded).toEqual(payment.amount);
    expect(await fixture.stock(productId)).toEqual({ available: 5, reserved: 0 });
  });
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
