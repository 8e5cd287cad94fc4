import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Shopper } from '../../e2e/fixtures';
import { startSystem } from '../../harness/system';
import { until } from '../../harness/until';
import type { RunningSystem } from '../../harness/running-system';
import { addCustomer, addProduct, signedIn } from '../shop';
import { busSettled } from '../system-variant';
import { Bare } from './bare';
import { differences, operationsBetween, operationsIn, operationsOf } from './operations';
import { recordingFor } from './recording';

const ORDERS = 10;
/** Documents in which the user service keeps what has ended, at most: services/user/revoked-sessions.ts. */
const SESSION_LISTS = 8;
const CUSTOMERS = 5;
const bare = new Bare();
let system: RunningSystem | undefined;

beforeAll(() => bare.start());

afterAll(() => system?.stop());

test('the bare sidecars see what is recorded, also with orders of one customer in flight', async () => {
  await Promise.all(Array.from({ length: ORDERS }, (_, n) => bare.placeOrder(n % CUSTOMERS)));
  await bare.settled();
  await bare.check();
});

test('the sidecars of the real services see what is recorded, no more and no less', async () => {
  system = await startSystem();
  const { url } = system.app('gateway');
  // on a busy machine a password may take longer to hash than a call may take
  const productId = await addProduct(await until('the admin', () => signedIn(url), 60_000));
  const { token, userId } = await until('a customer', () => addCustomer(url), 60_000);
  const customer = new Shopper(url, token, userId, '');
  // what was recorded is the order of somebody who has bought before
  await customer.buyConfirmed(productId);
  await busSettled(system);

  const before = await operationsOf(system);
  for (let n = 0; n < ORDERS; n++) await customer.buyConfirmed(productId);
  await busSettled(system);
  const seen = operationsBetween(before, await operationsOf(system));

  const numbers = Array.from({ length: ORDERS }, (_, number) => number);
  const recorded = numbers.map((number) =>
    recordingFor(bare.script, { number: number + 1, slot: 0 }, 1),
  );
  const expected = operationsIn(recorded);
  // Whoever waits for a command also looks now and then whether another replica has done it: as
  // often as time goes by, which is no part of an order.
  const atMost = new Map(expected).set('order: load', seen.get('order: load') ?? 0);
  // an inbox gets four entries an order, and turns a page of 25 with two writes and three reads
  const turns = Math.floor((4 * (ORDERS + 1) - 1) / 25);
  atMost.set('notification: load', (expected.get('notification: load') ?? 0) + 3 * turns);
  atMost.set('notification: save', (expected.get('notification: save') ?? 0) + 2 * turns);
  // so does the gateway ask which sessions have ended: at most every two seconds, whoever orders
  const asked = seen.get('gateway: call user') ?? 0;
  atMost.set('gateway: call user', asked);
  atMost.set('user: load', (expected.get('user: load') ?? 0) + SESSION_LISTS * asked);
  expect(differences(seen, expected, atMost)).toEqual([]);
});

test('work that a sidecar was not asked for is found', async () => {
  const event = {
    specversion: '1.0',
    type: 'delivery.status.updated',
    source: 'test',
    id: '0',
    data: {},
  };
  await bare.system.publish(event, 'delivery');
  // and whoever measures learns of it
  await expect(bare.stop()).rejects.toThrow(
    'delivery: publish delivery.status.updated 1 times, expected 0',
  );
});
