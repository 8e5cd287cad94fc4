import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

export interface OpenSample {
  /** Of each order, from when it should have been sent to its confirmation, in milliseconds. */
  readonly latencies: number[];
  /** How many were not confirmed. */
  readonly failed: number;
  /** How many were on their way when the last one was sent. */
  readonly left: number;
}

/** Places orders at these times, in milliseconds from now, whether earlier ones are done or not. */
export async function openLoop(
  placeOrder: () => Promise<void>,
  times: readonly number[],
): Promise<OpenSample> {
  const latencies: number[] = [];
  let failed = 0;
  let left = 0;
  const begun = performance.now();
  const place = async (due: number) => {
    left++;
    try {
      await placeOrder();
      latencies.push(performance.now() - due);
    } catch {
      failed++;
    } finally {
      left--;
    }
  };
  const placed: Promise<void>[] = [];
  for (const time of times) {
    const due = begun + time;
    const early = due - performance.now();
    if (early > 0) await sleep(early);
    placed.push(place(due));
  }
  const atTheEnd = left;
  await Promise.all(placed);
  return { latencies, failed, left: atTheEnd };
}
