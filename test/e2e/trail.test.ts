import { randomUUID } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { until } from '../harness/until';
import { busText, eventsOf } from './bus';
import { DeadLetters, Notifications, Order } from './edge';
import { ADDRESS, Market, type Shopper, paidWith } from './market';

let market: Market;
let shopper: Shopper;

/** What nobody but the services concerned may ever hold, each with a word that is nowhere else. */
const canary = (what: string) => `${what}${randomUUID().replaceAll('-', '')}`;
const account = {
  email: `${canary('email')}@example.com`,
  password: canary('password'),
  name: canary('name'),
};
const address = { ...ADDRESS, name: canary('receiver'), line1: canary('street') };
const token = canary('tok_');
const phone = `+49${Date.now()}`;
const canaries = [...Object.values(account), address.name, address.line1, token, phone];

beforeAll(async () => {
  market = await Market.open();
  shopper = await market.shopper(account);
  const body = { phone };
  const changed = await shopper.send('PATCH', '/users/profile', { body });
  expect(changed.status).toBe(200);
});

afterAll(() => market.close());

const logs = () => {
  const folder = join(market.world.folder, 'logs');
  return readdirSync(folder).map((name) => ({
    name,
    text: readFileSync(join(folder, name), 'utf8'),
  }));
};

describe('the correlation id of a request', () => {
  const correlationId = `trail-${randomUUID()}`;
  let answered: Awaited<ReturnType<Shopper['order']>>;
  let order: Order;

  beforeAll(async () => {
    const productId = await market.product(5);
    const headers = { 'x-correlation-id': correlationId };
    answered = await shopper.order(productId, { deliveryAddress: address }, { headers });
    expect(answered.status).toBe(201);
    order = Order.parse((JSON.parse(answered.text) as { data: unknown }).data);
    await until('the notification of the order', async () => {
      const { items } = await shopper.get(Notifications, '/notifications?limit=100');
      return items.some(({ eventType }) => eventType === 'order.confirmed');
    });
  });

  test('is in the answer', () => {
    expect(answered.headers.get('x-correlation-id')).toBe(correlationId);
  });

  test('is in every event of the order, and in none of another', async () => {
    const events = await eventsOf(market.world);
    const about = events.filter(({ data }) => JSON.stringify(data).includes(order.orderId));
    expect(about.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['order.place', 'order.created', 'payment.processed']),
    );
    expect(about.filter(({ correlationid }) => correlationid !== correlationId)).toEqual([]);
  });

  test.each([
    ['order', () => `orders:default:${order.orderId}`],
    ['payment', () => `payments:default:${String(order.paymentId)}`],
    ['delivery', () => `deliveries:default:${order.orderId}`],
  ])('is in the document of %s', async (app, key) => {
    const { sidecarUrl } = market.world.app(app);
    const document = await fetch(`${sidecarUrl}/v1.0/state/state/${encodeURIComponent(key())}`);
    expect(await document.json()).toMatchObject({ correlationId });
  });

  test.each(['gateway', 'order', 'product', 'inventory', 'payment', 'delivery', 'notification'])(
    'is in the log of %s',
    async (app) => {
      const { service } = market.world.app(app);
      await until(`a line of ${app} about the request`, () =>
        service
          ?.read()
          .split('\n')
          .some((line) => line.includes(correlationId)),
      );
    },
  );
});

describe('what is secret or personal', () => {
  beforeAll(async () => {
    const productId = await market.product(5);
    await shopper.isDenied('payment_failed', productId, {
      deliveryAddress: address,
      ...paidWith(token),
    });
    // refused as a whole, so that what is told of its faults is looked at as well
    await shopper.send('POST', '/orders', {
      body: { [token]: token, deliveryAddress: { ...address, [address.line1]: 1 } },
    });
    await market.stranger.send('POST', '/auth/login', { body: { ...account, name: undefined } });
  });

  test('is in no log', () => {
    const found = logs().flatMap(({ name, text }) =>
      canaries.filter((secret) => text.includes(secret)).map((secret) => `${secret} in ${name}`),
    );
    expect(found).toEqual([]);
  });

  test('is in no event', async () => {
    const text = await busText(market.world);
    expect(canaries.filter((secret) => text.includes(secret))).toEqual([]);
  });

  test('is in no dead letter, and there is none', async () => {
    for (const app of market.world.apps.filter(({ id }) => id !== 'gateway')) {
      const letters = await market.admin.get(DeadLetters, `/admin/dead-letters/${app.id}`);
      expect(letters.items).toEqual([]);
    }
  });
});
