import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { inProject } from '../../scripts/start/project.mjs';
import { type Event, eventsOf } from '../e2e/bus';
import { SystemFixture, SHOP, type Shopper } from '../e2e/fixtures';
import type { App } from '../harness/app';
import { until } from '../harness/until';
import { BUILD_MS, buildParticipant } from './build';

// A program in Go joins the running system with its own sidecar. It uses proto/ and docs/asyncapi.json
// only.
let fixture: SystemFixture;
let shopper: Shopper;
let watch: App;

beforeAll(async () => {
  const program = await buildParticipant();
  fixture = await SystemFixture.open({
    more: [
      {
        appId: 'stock-watch',
        protocol: 'http',
        calls: {
          inventory: ['retail.inventory.v1.InventoryService/GetStock'],
          order: ['retail.order.v1.OrderService/GetOrder'],
        },
        publishes: ['inventory.low-stock'],
        onePort: true,
        command: [program],
        env: { ASYNCAPI_FILE: inProject('docs', 'asyncapi.json') },
        later: true,
      },
    ],
  });
  shopper = await fixture.shopper();
  watch = fixture.system.app('stock-watch');
  watch.start();
  await watch.ready();
}, BUILD_MS);
afterAll(() => fixture.close());

const published = async (type: string, about: string) => {
  const events = await eventsOf(fixture.system);
  return events.filter((it) => it.type === type && JSON.stringify(it.data).includes(about));
};
const alertsOf = async (productId: string) =>
  (await published('inventory.low-stock', productId)).filter(
    ({ source }) => source === 'stock-watch',
  );
const alertOf = (productId: string): Promise<Event> =>
  until(`an alert of ${productId}`, async () => (await alertsOf(productId))[0], 60_000);

describe('a participant in another language', () => {
  test('handles a confirmed order, calls two services, and publishes what a third one handles', async () => {
    const [plenty, scarce] = [await fixture.product(100), await fixture.product(6)];
    await shopper.buyConfirmed(plenty);
    const { orderId } = await shopper.buyConfirmed(scarce, {
      items: [{ productId: scarce, quantity: 2 }],
    });
    const alert = await alertOf(scarce);
    expect(alert.data).toEqual({
      shopId: SHOP,
      productId: scarce,
      currentStock: 4,
      minimumStock: 5,
    });
    const [confirmed] = await published('order.confirmed', orderId);
    expect(alert).toMatchObject({
      subject: `${SHOP}:${scarce}`,
      correlationid: confirmed?.correlationid,
      causationid: confirmed?.id,
      tenantid: 'default',
      sequence: 0,
    });
    const notified = await until('the notification of the operators', async () => {
      const [first] = await published('notification.sent', alert.id);
      return first;
    });
    expect(notified).toMatchObject({
      source: 'notification',
      data: { channel: 'email', eventType: 'inventory.low-stock', eventId: alert.id },
      correlationid: confirmed?.correlationid,
    });
    expect(await alertsOf(plenty)).toEqual([]);
  });

  test('publishes the same event again when an event is redelivered', async () => {
    const productId = await fixture.product(3);
    const { orderId } = await shopper.buyConfirmed(productId);
    await alertOf(productId);
    const [{ topic: _, ...confirmed } = { topic: '' }] = await published(
      'order.confirmed',
      orderId,
    );
    await fixture.system.publish(confirmed);
    const alerts = await until('the second alert', async () => {
      const found = await alertsOf(productId);
      return found.length === 2 && found;
    });
    expect(alerts[1]?.id).toBe(alerts[0]?.id);
  });

  test('handles orders that were confirmed while it was stopped', async () => {
    const productId = await fixture.product(3);
    await Promise.all([watch.service?.stop(), watch.sidecar.stop()]);
    await shopper.buyConfirmed(productId);
    watch.start();
    await watch.ready();
    await alertOf(productId);
  });

  test('drops an event that does not match its schema', async () => {
    const productId = await fixture.product(3);
    const { orderId } = await shopper.buyConfirmed(productId);
    await alertOf(productId);
    const [{ topic: _, ...confirmed } = { topic: '', data: {} }] = await published(
      'order.confirmed',
      orderId,
    );
    const data = { ...(confirmed.data as object), items: [] };
    await fixture.system.publish({ ...confirmed, id: `wrong_${orderId}`, data });
    await until('the refusal', () => watch.service?.read().includes('dropped an unreadable event'));
    expect(await alertsOf(productId)).toHaveLength(1);
  });
});
