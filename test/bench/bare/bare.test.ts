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
/** The number of documents with ended sessions that the user service keeps at most: services/user/revoked-sessions.ts. */
const SESSION_LISTS = 8;
const CUSTOMERS = 5;
const bare = new Bare();
let system: RunningSystem | undefined;

beforeAll(() => bare.start());

afterAll(() => system?.stop());

test('the bare sidecars do the recorded operations, also with concurrent orders of one customer', async () => {
  await Promise.all(Array.from({ length: ORDERS }, (_, n) => bare.placeOrder(n % CUSTOMERS)));
  await bare.settled();
  await bare.check();
});

test('the sidecars of the real services do the recorded operations, no more and no less', async () => {
  system = await startSystem();
  const { url } = system.app('gateway');
  // on a busy machine hashing a password may take longer than a call may take
  const productId = await addProduct(await until('the admin', () => signedIn(url), 60_000));
  const { token, userId } = await until('a customer', () => addCustomer(url), 60_000);
  const customer = new Shopper(url, token, userId, '');
  // the recording is of a customer who has ordered before
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
  // A service that waits for a command also checks now and then whether another replica has handled it: that
  // depends on time, and is not part of an order.
  const atMost = new Map(expected).set('order: load', seen.get('order: load') ?? 0);
  // an inbox gets four entries per order, and a full page of 25 takes two writes and three reads
  const turns = Math.floor((4 * (ORDERS + 1) - 1) / 25);
  atMost.set('notification: load', (expected.get('notification: load') ?? 0) + 3 * turns);
  atMost.set('notification: save', (expected.get('notification: save') ?? 0) + 2 * turns);
  // the gateway asks for ended sessions at most every two seconds, whatever is ordered
  const requested = seen.get('gateway: call user') ?? 0;
  atMost.set('gateway: call user', requested);
  atMost.set('user: load', (expected.get('user: load') ?? 0) + SESSION_LISTS * requested);
  expect(differences(seen, expected, atMost)).toEqual([]);
});

test('an operation that is missing in a sidecar is found', async () => {
  const event = {
    specversion: '1.0',
    type: 'delivery.status.updated',
    source: 'test',
    id: '0',
    data: {},
  };
  await bare.system.publish(event, 'delivery');
  // and it fails the measurement
  await expect(bare.stop()).rejects.toThrow(
    'delivery: publish delivery.status.updated 1 times, expected 0',
  );
});
