import { performance } from 'node:perf_hooks';
import type { Variant } from './variant';
import { type Cpu, cpuBetween } from './cpu';

/** The cost of some orders. */
export interface Sample {
  readonly orders: number;
  /** From the first order to the last confirmation. */
  readonly seconds: number;
  /** The milliseconds of each order from its request to its confirmation. */
  readonly latencies: readonly number[];
  /** Milliseconds of CPU until all events of these orders were handled, by process. */
  readonly cpu: Cpu;
}

/** Numbers the orders of a run, so that concurrent ones seldom share a product. */
let placed = 0;

/** Places orders, `inFlight` at a time, and waits until all of their events are handled. */
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

/** Places orders until processes that were started or paused work as usual again. */
export async function warmUp(variant: Variant, orders: number): Promise<void> {
  for (let failures = 0; ;) {
    try {
      await closedLoop(variant, 1, 1);
      await closedLoop(variant, orders, 8);
      return;
    } catch (error) {
      // after a long pause a system is found again within seconds; a circuit breaker opens for 30 s
      if (++failures === 40) throw error;
      await new Promise((next) => setTimeout(next, 1_000));
    }
  }
}
