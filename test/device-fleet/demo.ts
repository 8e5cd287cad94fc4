import { setTimeout as sleep } from 'node:timers/promises';
import { readAccounts } from '../../scripts/start/accounts.mjs';
import { gatewayUrl } from '../../scripts/start/gateway.mjs';
import { Activity } from './activity';
import { fleetPlan } from './plan';
import { Platform } from './platform';
import { setUp } from './setup';

// The small fleet of `npm start`: a few devices that live quietly until they are ended.

const SEED = 1;
const DEVICES = 5;
/** So seldom that the machine has nothing to do with it. */
const PACE = { act: 15, fall: 900, away: [2, 20], misbehave: 3_600, buy: 60, repair: 60 } as const;
const PAUSE_MS = 10_000;
const BROKER = process.env['MQTT_URL'] ?? 'mqtt://127.0.0.1:1883';

async function live(): Promise<never> {
  const { admin: account, customer } = readAccounts();
  const admin = await Platform.signIn(gatewayUrl(), account);
  const { shops, devices } = fleetPlan(SEED, DEVICES);
  const quiet = { isRogue: false, leaves: false, skewMs: 0 };
  const plan = { shops, devices: devices.map((device) => ({ ...device, ...quiet })) };
  const fleet = await setUp(admin, { plan, seed: SEED, name: 'demo', broker: BROKER, vends: true });
  const activity = new Activity(fleet, Date.now(), PACE);
  await activity.begin(Infinity);
  activity.sell(admin, [await Platform.signIn(gatewayUrl(), customer)]);
  console.log(`${DEVICES} devices live`);
  for (;;) await sleep(PAUSE_MS);
}

/** Again and again: that the fleet cannot live is no reason to end what it lives in. */
async function main(): Promise<never> {
  for (;;) {
    await live().catch((error: unknown) => {
      console.error(error);
    });
    await sleep(PAUSE_MS);
  }
}

void main();
