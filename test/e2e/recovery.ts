import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../harness/until';
import { Order } from './edge';
import { type SystemFixture, type Shopper, paidWith } from './fixtures';

/** The longest time that an order may wait for its decision after the killed process is back. */
export const RECOVERY_MS = 30_000;

const PACE_MS = 100;
const GIVEN_UP_MS = 1_000;
const BEFORE = 12;
const AFTER = 5;

interface Accepted {
  readonly orderId: string;
  readonly at: number;
}

/**
 * Places orders one after the other while something is stopped and started again, and waits until each
 * accepted one is decided. Throws if one waits longer than RECOVERY_MS, counted from the later one of
 * its acceptance and the restart. Returns those that were accepted.
 */
export async function ordersThrough(
  fixture: SystemFixture,
  shopper: Shopper,
  restart: () => Promise<void>,
): Promise<Order[]> {
  const productId = await fixture.product(1_000);
  const accepted: Accepted[] = [];
  const enough = new AbortController();
  const load = (async () => {
    // every fourth one takes some seconds, so that some are always in flight; more of them would open
    // the circuit breakers in front of payment and its provider
    for (let order = 0; !enough.signal.aborted; order++) {
      const wish = paidWith(order % 4 === 0 ? 'tok_flaky' : 'tok_ok');
      // an order without a 202 was not accepted
      const answer = shopper.buyAsync(productId, wish).then(
        ({ orderId }) => accepted.push({ orderId, at: performance.now() }),
        () => undefined,
      );
      // a request to a stopped process may hang until its deadline, and others must be sent meanwhile
      await Promise.race([answer, sleep(GIVEN_UP_MS)]);
      await sleep(PACE_MS);
    }
  })();
  try {
    await until('orders in flight', () => accepted.length >= BEFORE, RECOVERY_MS);
    await restart();
    const back = performance.now();
    const since = accepted.length;
    await until('orders afterwards', () => accepted.length >= since + AFTER, RECOVERY_MS);
    enough.abort();
    await load;
    return await Promise.all(
      accepted.map(({ orderId, at }) => {
        const left = Math.max(back, at) + RECOVERY_MS - performance.now();
        return until(`${orderId} to be decided`, () => decided(shopper, orderId), left);
      }),
    );
  } finally {
    enough.abort();
  }
}

/** An order that is confirmed or cancelled. */
async function decided(shopper: Shopper, orderId: string): Promise<Order | undefined> {
  const order = await shopper.get(Order, `/orders/${orderId}`);
  return order.status === 'confirmed' || order.status === 'cancelled' ? order : undefined;
}
