import { z } from 'zod';
import { FaultInjection, countsOf } from '../chaos/fault-injection';
import type { Fault } from '../chaos/schedule';
import { readRunFile } from '../harness/run-file';
import { startSystem } from '../harness/system';
import { until } from '../harness/until';
import { faultPlan } from './fault-plan';
import type { Misdeed } from './ledger';
import type { Platform } from './platform';

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
const Account = z.object({
  userName: z.string(),
  passwordHash: z.string(),
  saltedSha256: z.string(),
  topic: z.string(),
});
const READY_MS = 120_000;

export const BROKERS = ['mosquitto', 'rabbitmq'] as const;
/** Mosquitto's size limit of a message is that of the platform; see docs/devices.md. */
export const BROKER_DROPS: Record<(typeof BROKERS)[number], readonly Misdeed[]> = {
  mosquitto: ['oversized'],
  rabbitmq: [],
};
/** The processes of the brokers. */
const PROCESSES = { mosquitto: 'mosquitto', rabbitmq: 'rabbitmq-server' } as const;

interface FaultySystem {
  readonly seed: number;
  readonly seconds: number;
  /** The broker of the devices. RabbitMQ also carries the events. */
  readonly broker?: (typeof BROKERS)[number];
  readonly plan?: readonly Fault[];
}

/** Starts a system into which faults are injected while the fleet is active. */
export async function startFaultySystem({
  seed,
  seconds,
  broker = 'mosquitto',
  plan = faultPlan(seed, seconds, PROCESSES[broker]),
}: FaultySystem) {
  const known = readRunFile().apps.map(({ appID }) => appID);
  const apps = APPS.filter((app) => known.includes(app));
  const brokers = broker === 'rabbitmq' ? ({ bus: broker, devices: broker } as const) : {};
  const system = await startSystem({ apps, controlPlane: true, ...brokers });
  const faults = new FaultInjection(system, new Map(), undefined);
  faults.watch();
  let injecting = Promise.resolve();
  return {
    urls: {
      gateway: system.app('gateway').url,
      broker: `mqtt://127.0.0.1:${system.mqttPort}`,
      provider: system.standIn('payment-provider'),
    },
    brokerDrops: BROKER_DROPS[broker],
    hooks: {
      registered: async (admin: Platform) => {
        const accounts = await admin.all(Account, '/admin/broker-accounts');
        await system.admitDevices?.(accounts);
      },
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
