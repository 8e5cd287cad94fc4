import { performance } from 'node:perf_hooks';
import type { Variant } from './variant';
import { type Cpu, cpuBetween } from './cpu';

/** What some orders cost. */
export interface Sample {
  readonly orders: number;
  /** From the first order to the last confirmation. */
  readonly seconds: number;
  /** Of each order, from its sending to its confirmation. */
  readonly latencies: readonly number[];
  /** Until all events of these orders were handled, in milliseconds, by process. */
  readonly cpu: Cpu;
}

/** Numbers the orders of a run, so that two in flight seldom meet. */
let placed = 0;

/** Places orders, always so many at a time, and waits until all that follows from them is done. */
export async function closedLoop(
  variant: Pick<Variant, 'placeOrder' | 'settled' | 'cpu'>,
  orders: number,
  inFlight: number,
): Promise<Sample> {
  const latencies: number[] = [];
  const before = variant.cpu();
  const begun = performance.now();
  let left = orders;
  const worker = async () => {
    while (left > 0) {
      left--;
      const sent = performance.now();
      await variant.placeOrder(placed++);
      latencies.push(performance.now() - sent);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  const seconds = (performance.now() - begun) / 1000;
  await variant.settled();
  return { orders, seconds, latencies, cpu: cpuBetween(before, variant.cpu()) };
}

/** Orders until processes that were started or stopped work as usual again. */
export async function warmUp(variant: Variant, orders: number): Promise<void> {
  for (let failures = 0; ;) {
    try {
      await closedLoop(variant, 1, 1);
      await closedLoop(variant, orders, 8);
      return;
    } catch (error) {
      // what was stopped for long is found again within seconds; a breaker opens for 30 s
      if (++failures === 40) throw error;
      await new Promise((next) => setTimeout(next, 1_000));
    }
  }
}
