import { setTimeout as sleep } from 'node:timers/promises';
import { readAccounts } from '../../scripts/start/accounts.mjs';
import { gatewayUrl } from '../../scripts/start/gateway.mjs';
import { Activity } from './activity';
import { fleetPlan } from './plan';
import { Platform } from './platform';
import { setUp } from './setup';

// The demo fleet of `npm start`: a few quiet devices, until the process is stopped.

const SEED = 1;
const DEVICES = 5;
/** So slow that it takes no noticeable CPU. */
const PACE = {
  act: 15,
  disconnect: 900,
  offline: [2, 20],
  misbehave: 3_600,
  setClock: 3_600,
  buy: 60,
  repair: 60,
} as const;
const PAUSE_MS = 10_000;
const BROKER = process.env['MQTT_URL'] ?? 'mqtt://127.0.0.1:1883';

async function run(): Promise<never> {
  const { admin: account, customer } = readAccounts();
  const admin = await Platform.signIn(gatewayUrl(), account);
  const { shops, devices } = fleetPlan(SEED, DEVICES);
  const quiet = { isRogue: false, leaves: false, hasBadClock: false };
  const plan = { shops, devices: devices.map((device) => ({ ...device, ...quiet })) };
  const fleet = await setUp(admin, { plan, seed: SEED, name: 'demo', broker: BROKER, vends: true });
  const activity = new Activity(fleet, Date.now(), PACE);
  await activity.begin(Infinity);
  activity.sell(admin, [await Platform.signIn(gatewayUrl(), customer)]);
  console.log(`${DEVICES} devices are connected`);
  for (;;) await sleep(PAUSE_MS);
}

/** Retries for ever: a fleet that fails must not stop the system that it is part of. */
async function main(): Promise<never> {
  for (;;) {
    await run().catch((error: unknown) => {
      console.error(error);
    });
    await sleep(PAUSE_MS);
  }
}

void main();
