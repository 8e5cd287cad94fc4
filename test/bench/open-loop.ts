import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

export interface OpenSample {
  /** Milliseconds of each order from the time at which it should have been sent to its confirmation. */
  readonly latencies: number[];
  /** The number that was not confirmed. */
  readonly failed: number;
  /** The number in flight when the last one was sent. */
  readonly left: number;
}

/** Places orders at these times, in milliseconds from now, whether or not earlier ones are done. */
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
