import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Process } from '../harness/process';
import { SystemFixture, PRICE, type Shopper, paidWith } from './fixtures';
import { ordersThrough } from './recovery';

// The bound of components/bus/redis/bus.yaml and components/resiliency.yaml, with the numbers that
// stand there: no order waits longer than 30 s for its decision once what died is back.

let fixture: SystemFixture;
let shopper: Shopper;

beforeAll(async () => {
  fixture = await SystemFixture.open();
  shopper = await fixture.shopper();
});
afterAll(() => fixture.close());

/** What they have in hand comes back only by the bus; a service that dies is asked again by its sidecar. */
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
  if (found === undefined) throw new Error(`${name} is no process of this system`);
  return found;
}

test('a payment that is never answered still ends the order, and the money is given back', async () => {
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

describe('no order waits longer than 30 s after the end and return of', () => {
  test.each([
    ...SIDECARS.map((app) => `${app}-sidecar`),
    'order',
    'payment-provider-simulator',
    'redis-server',
  ])('%s', async (name) => {
    // throws for an order that waits longer
    expect(await ordersThrough(fixture, shopper, named(name))).toBeGreaterThan(0);
  });
});
