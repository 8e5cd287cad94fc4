import { randomUUID } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { until } from '../harness/until';
import { busText, eventsOf } from './bus';
import { DeadLetters, Notifications, Order } from './edge';
import { ADDRESS, SystemFixture, type Shopper, paidWith } from './fixtures';

let fixture: SystemFixture;
let shopper: Shopper;

/** Data that only the services concerned may have, each with a word that is nowhere else. */
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
  fixture = await SystemFixture.open();
  shopper = await fixture.shopper(account);
  const body = { phone };
  const changed = await shopper.send('PATCH', '/users/profile', { body });
  expect(changed.status).toBe(200);
});

afterAll(() => fixture.close());

const logs = () => {
  const folder = join(fixture.system.folder, 'logs');
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
    const productId = await fixture.product(5);
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

  test('is in every event of the order, and in none of another order', async () => {
    const events = await eventsOf(fixture.system);
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
    const { sidecarUrl, sidecarHeaders: headers } = fixture.system.app(app);
    const path = `/v1.0/state/state/${encodeURIComponent(key())}`;
    const document = await fetch(`${sidecarUrl}${path}`, { headers });
    expect(await document.json()).toMatchObject({ correlationId });
  });

  test.each(['gateway', 'order', 'product', 'inventory', 'payment', 'delivery', 'notification'])(
    'is in the log of %s',
    async (app) => {
      const { service } = fixture.system.app(app);
      await until(`a line of ${app} with the request`, () =>
        service
          ?.read()
          .split('\n')
          .some((line) => line.includes(correlationId)),
      );
    },
  );
});

describe('secret or personal data', () => {
  beforeAll(async () => {
    const productId = await fixture.product(5);
    await shopper.buyCancelled('payment_failed', productId, {
      deliveryAddress: address,
      ...paidWith(token),
    });
    // an invalid request as well, so that the messages about it are checked
    await shopper.send('POST', '/orders', {
      body: { [token]: token, deliveryAddress: { ...address, [address.line1]: 1 } },
    });
    await fixture.anonymous.send('POST', '/auth/login', { body: { ...account, name: undefined } });
  });

  test('is in no log', () => {
    const found = logs().flatMap(({ name, text }) =>
      canaries.filter((secret) => text.includes(secret)).map((secret) => `${secret} in ${name}`),
    );
    expect(found).toEqual([]);
  });

  test('is in no event', async () => {
    const text = await busText(fixture.system);
    expect(canaries.filter((secret) => text.includes(secret))).toEqual([]);
  });

  test('is in no dead letter', async () => {
    for (const app of fixture.system.apps.filter(({ id }) => id !== 'gateway')) {
      const letters = await fixture.admin.get(DeadLetters, `/admin/dead-letters/${app.id}`);
      expect(letters.items).toEqual([]);
    }
  });
});
