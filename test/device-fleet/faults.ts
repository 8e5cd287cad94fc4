import { Chance } from '../chaos/chance';
import type { Fault } from '../chaos/schedule';

/** Between one fault and the next: seconds. */
const PAUSE = [8, 25] as const;
const AWAY = [1, 6] as const;

/**
 * Kills the service that hears devices, and its sidecar, in turns, and restarts the broker; it keeps
 * what it has when it is asked to stop, as brokers do. The same seed gives the same.
 */
export function faultPlan(seed: number, seconds: number): Fault[] {
  const chance = new Chance(seed, 'faults');
  const kinds = [
    { kind: 'kill', target: 'iot-gateway' },
    { kind: 'kill', target: 'iot-gateway-sidecar' },
    { kind: 'stop', target: 'mosquitto' },
  ] as const;
  const faults: Fault[] = [];
  let from = chance.spread(...PAUSE);
  for (let turn = 0; ; turn++) {
    const to = from + chance.spread(...AWAY);
    const next = kinds[turn % kinds.length];
    if (next === undefined || to > seconds) return faults;
    faults.push({ ...next, from, to });
    from = to + chance.spread(...PAUSE);
  }
}
