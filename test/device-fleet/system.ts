import { Faults, countsOf } from '../chaos/faults';
import type { Fault } from '../chaos/schedule';
import { readRunFile } from '../harness/run-file';
import { startSystem } from '../harness/system';
import { until } from '../harness/until';
import { faultPlan } from './faults';

/** What takes part in what devices do. */
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

/** A system of its own, which is hit while a fleet lives. */
export async function startFaulty(
  seed: number,
  seconds: number,
  plan: readonly Fault[] = faultPlan(seed, seconds),
) {
  const known = readRunFile().apps.map(({ appID }) => appID);
  const apps = APPS.filter((app) => known.includes(app));
  const world = await startSystem({ apps, controlPlane: true });
  const faults = new Faults(world, new Map(), undefined);
  faults.watch();
  let hitting = Promise.resolve();
  return {
    place: {
      gateway: world.app('gateway').url,
      broker: `mqtt://127.0.0.1:${world.mqttPort}`,
      provider: world.standIn('payment-provider'),
    },
    hooks: {
      begun: () => {
        hitting = faults.run(plan, () => {});
      },
      ended: async () => {
        faults.heal();
        await hitting;
        await until('all apps', () => Promise.all(world.apps.map((app) => app.ready())), READY_MS);
        return Object.entries(countsOf(faults.hits)).map(([what, times]) => `${times} × ${what}`);
      },
    },
    world,
    stop: async () => {
      await faults.stop();
      await world.stop();
    },
  };
}
