import { setTimeout as sleep } from 'node:timers/promises';
import type { Process } from '../harness/process';
import { until } from '../harness/until';
import { Order } from './edge';
import { type SystemFixture, type Shopper, paidWith } from './fixtures';

/** Longest that an order may wait for its decision once the process that died is back. */
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
 * Places orders one after the other, also while a process is killed and started again, and waits
 * until every one that was accepted is decided: throws where one waits longer than RECOVERY_MS,
 * counted from when the process was back or it was accepted. Gives how many there were.
 */
export async function ordersThrough(
  fixture: SystemFixture,
  shopper: Shopper,
  process: Process,
): Promise<number> {
  const productId = await fixture.product(1_000);
  const accepted: Accepted[] = [];
  const enough = new AbortController();
  const load = (async () => {
    // every fourth one takes some seconds, so that there are always some in flight; of more the
    // breakers in front of payment and its provider would open
    for (let order = 0; !enough.signal.aborted; order++) {
      const wish = paidWith(order % 4 === 0 ? 'tok_flaky' : 'tok_ok');
      // who is not answered with 202 was promised nothing
      const answer = shopper.buyAsync(productId, wish).then(
        ({ orderId }) => accepted.push({ orderId, at: performance.now() }),
        () => undefined,
      );
      // one that was asked of what died may hang until its deadline: others come meanwhile
      await Promise.race([answer, sleep(GIVEN_UP_MS)]);
      await sleep(PACE_MS);
    }
  })();
  try {
    await until('orders in flight', () => accepted.length >= BEFORE, RECOVERY_MS);
    await process.kill();
    process.start();
    const back = performance.now();
    const since = accepted.length;
    await until('orders afterwards', () => accepted.length >= since + AFTER, RECOVERY_MS);
    enough.abort();
    await load;
    await Promise.all(
      accepted.map(({ orderId, at }) => {
        const left = Math.max(back, at) + RECOVERY_MS - performance.now();
        return until(`${orderId} to be decided`, () => isDecided(shopper, orderId), left);
      }),
    );
    return accepted.length;
  } finally {
    enough.abort();
  }
}

async function isDecided(shopper: Shopper, orderId: string): Promise<boolean> {
  const { status } = await shopper.get(Order, `/orders/${orderId}`);
  return status === 'confirmed' || status === 'cancelled';
}
