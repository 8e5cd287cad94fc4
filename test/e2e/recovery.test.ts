import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Process } from '../harness/process';
import { SystemFixture, PRICE, type Shopper, paidWith } from './fixtures';
import { ordersThrough } from './recovery';

// The bound that components/bus/redis/bus.yaml and components/resiliency.yaml explain with its figures:
// no order waits longer than 30 s for its decision after a failed process is back.

let fixture: SystemFixture;
let shopper: Shopper;

beforeAll(async () => {
  fixture = await SystemFixture.open();
  shopper = await fixture.shopper();
});
afterAll(() => fixture.close());

/** Their in-flight work is redelivered by the bus only; a killed service gets its events from its sidecar again. */
const SIDECARS = [
  'gateway',
  'order',
  'product',
  'inventory',
  'payment',
  'delivery',
  'notification',
];

function named(name: string): Process {
  const { apps, servers } = fixture.system;
  const all = [...apps.flatMap(({ processes }) => processes), ...servers];
  const found = all.find((process) => process.name === name);
  if (found === undefined) throw new Error(`this system has no process ${name}`);
  return found;
}

test('an order whose payment is never answered ends, and the money is refunded', async () => {
  const productId = await fixture.product(1);
  const orderId = await shopper.buyCancelled('payment_unknown', productId, paidWith('tok_timeout'));
  const ledger = await fetch(`${fixture.system.standIn('payment-provider')}/ledger`);
  expect(await ledger.json()).toMatchObject({
    captures: expect.arrayContaining([
      expect.objectContaining({ key: `pay_${orderId}`, state: 'voided', released: PRICE }),
    ]),
  });
  expect(await fixture.stock(productId)).toEqual({ available: 1, reserved: 0 });
});

describe('no order waits longer than 30 s after the kill and restart of', () => {
  test.each([
    ...SIDECARS.map((app) => `${app}-sidecar`),
    'order',
    'payment-provider-simulator',
    'redis-server',
  ])('%s', async (name) => {
    const process = named(name);
    // rejects for an order that waits longer
    const accepted = await ordersThrough(fixture, shopper, async () => {
      await process.kill();
      process.start();
    });
    expect(accepted.length).toBeGreaterThan(0);
  });
});
