import { expect, test } from '@jest/globals';
import { setImmediate as turn } from 'node:timers/promises';
import { closedLoop } from './closed-loop';
import { openLoop } from './open-loop';

test('a closed loop has a fixed number of orders in flight until all are placed', async () => {
  let inFlight = 0;
  let most = 0;
  let placed = 0;
  const sample = await closedLoop(
    {
      placeOrder: async () => {
        most = Math.max(most, ++inFlight);
        placed++;
        await turn();
        inFlight--;
      },
      settled: () => Promise.resolve(),
      cpu: () => ({}),
    },
    10,
    3,
  );
  expect({ most, placed, orders: sample.orders }).toEqual({ most: 3, placed: 10, orders: 10 });
  expect(sample.latencies).toHaveLength(10);
});

test('the CPU of orders is read when all of their events are handled', async () => {
  let used = 100;
  const { cpu } = await closedLoop(
    {
      placeOrder: async () => void (used += 1),
      settled: async () => void (used += 50),
      cpu: () => ({ order: used }),
    },
    5,
    2,
  );
  expect(cpu).toEqual({ order: 55 });
});

test('the latency of an order that could not be sent in time includes its wait', async () => {
  const BUSY_MS = 30;
  const busy = async () => {
    const end = performance.now() + BUSY_MS;
    while (performance.now() < end);
  };
  const { latencies } = await openLoop(busy, [0, 0, 0]);
  // all were due at the same time, and the third one waited for the two others
  expect(Math.max(...latencies)).toBeGreaterThanOrEqual(3 * BUSY_MS);
});

test('orders arrive whether or not earlier ones are done, and failed ones are counted', async () => {
  const gate = Promise.withResolvers<undefined>();
  let n = 0;
  const placeOrder = async () => {
    if (++n === 5) gate.resolve(undefined);
    await gate.promise;
    if (n > 0 && n-- === 5) throw new Error('refused');
  };
  const { latencies, failed, left } = await openLoop(placeOrder, [0, 0, 0, 0, 0]);
  expect({ confirmed: latencies.length, failed, left }).toEqual({
    ...{ confirmed: 4, failed: 1, left: 5 },
  });
});
