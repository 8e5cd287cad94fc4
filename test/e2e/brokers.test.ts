import { afterEach, describe, expect, test } from '@jest/globals';
import type { Bus, State } from '../harness/transports';
import { until } from '../harness/until';
import { Notifications, Orders } from './edge';
import { SystemFixture, type Shopper } from './fixtures';

let fixture: SystemFixture | undefined;

afterEach(async () => {
  await fixture?.close();
  fixture = undefined;
});

describe('an order is confirmed and its customer notified, and an order waits while the broker is unavailable', () => {
  const systems: [Bus, State][] = [
    ['rabbitmq', 'sqlite'],
    ['kafka', 'sqlite'],
    ['redis', 'postgresql'],
    ['redis', 'redis'],
  ];

  test.each(systems)('on %s, with documents in %s', async (bus, state) => {
    fixture = await SystemFixture.open({ bus, state });
    const shopper = await fixture.shopper();
    const productId = await fixture.product(10);
    const { orderId, status } = await shopper.buyConfirmed(productId);
    expect(status).toBe('confirmed');
    expect(await fixture.stock(productId)).toEqual({ available: 9, reserved: 0 });
    await until('the notification of the order', async () => {
      const { items } = await shopper.get(Notifications, '/notifications?limit=100');
      const about = items.filter(({ subject, text }) => (subject + text).includes(orderId));
      return about.find(({ eventType }) => eventType === 'order.confirmed');
    });

    const foreign = { specversion: '1.0', id: orderId, type: 'order.confirmed', source: 'payment' };
    await expect(fixture.system.publish(foreign)).rejects.toThrow(/not published: 403/);

    // if the broker also keeps the documents, the order service is unavailable as well
    if (state !== 'redis') await isRefusedWithoutBroker(fixture, shopper, productId);
  });
});

/** Stops the broker, orders one of 9 pieces, and repeats the request after the broker is back. */
async function isRefusedWithoutBroker(
  fixture: SystemFixture,
  shopper: Shopper,
  productId: string,
): Promise<void> {
  const { process } = fixture.system.broker;
  await process.kill();
  const asked = performance.now();
  const key = 'while-the-broker-is-away';
  const answer = await shopper.order(productId, {}, { key });
  expect(answer.status).toBe(503);
  expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
  expect(JSON.parse(answer.text)).toMatchObject({ success: false, statusCode: 503 });
  // the deadline of a request
  expect(performance.now() - asked).toBeLessThan(30_000);
  // there is no partial effect: the order is not listed and nothing is reserved
  expect((await shopper.get(Orders, '/orders')).items).toHaveLength(1);
  expect(await fixture.stock(productId)).toEqual({ available: 9, reserved: 0 });
  process.start();

  // the same request again, until its answer is another one
  const order = await until(
    'the order, with the broker back',
    () => shopper.buyConfirmed(productId, {}, { key }),
    60_000,
  );
  const { items } = await shopper.get(Orders, '/orders');
  expect(items.map(({ orderId }) => orderId).filter((id) => id === order.orderId)).toHaveLength(1);
  expect(items).toHaveLength(2);
  expect(await fixture.stock(productId)).toEqual({ available: 8, reserved: 0 });
}
