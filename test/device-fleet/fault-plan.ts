import { SeededRandom } from '../tools/seeded-random';
import type { Fault } from '../chaos/schedule';

/** Seconds between one fault and the next. */
const PAUSE = [8, 25] as const;
const DOWN = [1, 6] as const;

/**
 * Kills iot-gateway and its sidecar in turns, and restarts the broker, which keeps its messages as it
 * is stopped and not killed. The same seed gives the same plan.
 */
export function faultPlan(seed: number, seconds: number, broker: string): Fault[] {
  const random = new SeededRandom(seed, 'faults');
  const kinds = [
    { kind: 'kill', target: 'iot-gateway' },
    { kind: 'kill', target: 'iot-gateway-sidecar' },
    { kind: 'stop', target: broker },
  ] as const;
  const faults: Fault[] = [];
  let from = random.spread(...PAUSE);
  for (let turn = 0; ; turn++) {
    const to = from + random.spread(...DOWN);
    const next = kinds[turn % kinds.length];
    if (next === undefined || to > seconds) return faults;
    faults.push({ ...next, from, to });
    from = to + random.spread(...PAUSE);
  }
}
