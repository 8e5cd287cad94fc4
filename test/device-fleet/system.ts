import { FaultInjection, countsOf } from '../chaos/fault-injection';
import type { Fault } from '../chaos/schedule';
import { readRunFile } from '../harness/run-file';
import { startSystem } from '../harness/system';
import { until } from '../harness/until';
import { faultPlan } from './fault-plan';

/** The services that devices need. */
const APPS = [
  'user',
  'product',
  'inventory',
  'payment',
  'shop',
  'iot-gateway',
  'vending',
  'gateway',
];
const READY_MS = 120_000;

/** Starts a system into which faults are injected while the fleet is active. */
export async function startFaultySystem(
  seed: number,
  seconds: number,
  plan: readonly Fault[] = faultPlan(seed, seconds),
) {
  const known = readRunFile().apps.map(({ appID }) => appID);
  const apps = APPS.filter((app) => known.includes(app));
  const system = await startSystem({ apps, controlPlane: true });
  const faults = new FaultInjection(system, new Map(), undefined);
  faults.watch();
  let injecting = Promise.resolve();
  return {
    urls: {
      gateway: system.app('gateway').url,
      broker: `mqtt://127.0.0.1:${system.mqttPort}`,
      provider: system.standIn('payment-provider'),
    },
    hooks: {
      begun: () => {
        injecting = faults.run(plan, () => {});
      },
      ended: async () => {
        faults.heal();
        await injecting;
        await until('all apps', () => Promise.all(system.apps.map((app) => app.ready())), READY_MS);
        return Object.entries(countsOf(faults.injected)).map(
          ([what, times]) => `${times} × ${what}`,
        );
      },
    },
    system,
    stop: async () => {
      await faults.stop();
      await system.stop();
    },
  };
}
