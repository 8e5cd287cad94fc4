import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { z } from 'zod';
import { until } from '../harness/until';
import { Notification, listOf } from './edge';
import { type Shopper, SystemFixture } from './fixtures';
import { RECOVERY_MS, ordersThrough } from './recovery';

// A service that is stopped while it handles events finishes them, or leaves them to be delivered again: none
// is lost, and none has its effects twice.

/** `dapr run` gives a service this long to end by itself. */
const GRACE_MS = 5_000;

let fixture: SystemFixture;
let shopper: Shopper;

beforeAll(async () => {
  fixture = await SystemFixture.open();
});
afterAll(() => fixture.close());
beforeEach(async () => {
  shopper = await fixture.shopper();
});

/** As a rolling update does: the service alone, with its sidecar until it has finished. */
async function stopService(id: string): Promise<void> {
  const { service } = fixture.system.app(id);
  if (service === undefined) throw new Error(`this system has no service ${id}`);
  await service.stop();
  service.start();
}

/** As `dapr stop` and the end of `dapr run` do: the sidecar is killed, and then the service is stopped. */
async function stopAsDaprRun(id: string): Promise<void> {
  const app = fixture.system.app(id);
  const { service, sidecar } = app;
  if (service === undefined) throw new Error(`this system has no service ${id}`);
  await sidecar.kill();
  // killed if it takes longer
  await service.stop(GRACE_MS).catch(() => undefined);
  app.start();
  await app.ready();
}

/** The subjects of the shopper's notifications. */
async function subjects(): Promise<string[]> {
  const pages = listOf(Notification);
  const found: z.output<typeof Notification>[] = [];
  for (let page = 1; ; page++) {
    const { items, total } = await shopper.get(pages, `/notifications?limit=100&page=${page}`);
    found.push(...items);
    if (items.length === 0 || found.length >= total) return found.map(({ subject }) => subject);
  }
}

describe.each([
  ['SIGTERM', stopService],
  ['dapr stop', stopAsDaprRun],
])('%s during the handling of events loses none, and repeats no effect, of', (_, stop) => {
  test.each(['order', 'inventory', 'notification'])('%s', async (id) => {
    const orders = await ordersThrough(fixture, shopper, () => stop(id));
    const confirmed = orders.filter(({ status }) => status === 'confirmed');
    expect(confirmed.length).toBeGreaterThan(0);
    const productId = confirmed[0]?.items[0]?.productId ?? '';
    await until('the stock of the confirmed orders', async () => {
      const { available, reserved } = await fixture.stock(productId);
      return reserved === 0 && available <= 1_000 - confirmed.length;
    });
    const expected = confirmed.map(({ orderId }) => `Your order ${orderId} is confirmed`);
    // the bus delivers again what a killed sidecar had received
    await until(
      'a notification of each confirmed order',
      async () => {
        const known = new Set(await subjects());
        return expected.every((subject) => known.has(subject));
      },
      2 * RECOVERY_MS,
    );
    const known = await subjects();
    for (const subject of expected) {
      expect(known.filter((each) => each === subject)).toEqual([subject]);
    }
  });
});
