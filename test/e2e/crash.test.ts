import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { until } from '../harness/until';
import { eventsOf } from './bus';
import { SystemFixture, type Shopper, paidWith } from './fixtures';

let fixture: SystemFixture;
let shopper: Shopper;

beforeAll(async () => {
  fixture = await SystemFixture.open();
  shopper = await fixture.shopper();
});

afterAll(() => fixture.close());

/** Places an order that takes some seconds, and returns when it is half done. */
async function orderInFlight() {
  const productId = await fixture.product(5);
  const { orderId } = await shopper.buyAsync(productId, paidWith('tok_flaky'));
  await until(
    'its piece to be reserved',
    async () => (await fixture.stock(productId)).reserved === 1,
  );
  return { orderId, productId };
}

async function expectConfirmedOnce(orderId: string, productId: string) {
  const order = await shopper.waitForStatus('confirmed', orderId, 90_000);
  await until('the stock to be right', async () => {
    expect(await fixture.stock(productId)).toEqual({ available: 4, reserved: 0 });
    return true;
  });
  expect((await shopper.payment(order)).refunds).toEqual([]);
  const about = await until('the events of the end', async () => {
    const events = (await eventsOf(fixture.system)).filter(({ data }) =>
      JSON.stringify(data).includes(orderId),
    );
    return events.some(({ type }) => type === 'order.confirmed') && events;
  });
  // an event that is published again after the crash has the same id
  const ids = Map.groupBy(about, ({ type }) => type);
  for (const type of ['order.created', 'payment.processed', 'order.confirmed']) {
    expect(new Set(ids.get(type)?.map(({ id }) => id)).size).toBe(1);
  }
  expect(ids.get('order.cancelled')).toBeUndefined();
}

describe('an order in flight is confirmed once when', () => {
  test('its service is killed and restarted', async () => {
    const { orderId, productId } = await orderInFlight();
    const { service } = fixture.system.app('order');
    await service?.kill();
    service?.start();
    await expectConfirmedOnce(orderId, productId);
  });

  test('its service and its sidecar are killed and restarted', async () => {
    const { orderId, productId } = await orderInFlight();
    const order = fixture.system.app('order');
    await Promise.all(order.processes.map((process) => process.kill()));
    order.start();
    await order.ready();
    await expectConfirmedOnce(orderId, productId);
  });

  test('its service is down while its sidecar tries to deliver a dozen times', async () => {
    const { orderId, productId } = await orderInFlight();
    const { service, sidecar } = fixture.system.app('order');
    await service?.kill();
    const tried = () => sidecar.read().split('connection refused').length > 12;
    await until('the sidecar to fail to deliver', tried, 60_000);
    service?.start();
    await expectConfirmedOnce(orderId, productId);
  });

  test.each(['payment', 'inventory'])('%s is killed and restarted', async (id) => {
    const { orderId, productId } = await orderInFlight();
    const { service } = fixture.system.app(id);
    await service?.kill();
    service?.start();
    await expectConfirmedOnce(orderId, productId);
  });
});
