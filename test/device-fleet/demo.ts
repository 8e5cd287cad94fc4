import { readAccounts } from '../../scripts/start/accounts.mjs';
import { gatewayUrl } from '../../scripts/start/gateway.mjs';
import { Activity } from './activity';
import { fleetPlan } from './plan';
import { Platform } from './platform';
import { setUp } from './setup';

// The demo fleet of `npm start`: a few quiet devices, until the process is stopped. It ends where it fails;
// `npm start` restarts it. Its accounts are those of a seller of its shop and of a customer.

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
const BROKER = process.env['MQTT_URL'] ?? 'mqtt://127.0.0.1:1883';

async function main(): Promise<never> {
  const { fleetSeller, fleetBuyer } = readAccounts();
  const seller = await Platform.signIn(gatewayUrl(), fleetSeller);
  await Platform.register(gatewayUrl(), fleetBuyer);
  const { shops, devices } = fleetPlan(SEED, DEVICES);
  const quiet = { isRogue: false, leaves: false, hasBadClock: false };
  const plan = { shops, devices: devices.map((device) => ({ ...device, ...quiet })) };
  const fleet = await setUp(seller, {
    ...{ plan, seed: SEED, name: 'demo', broker: BROKER, vends: true },
  });
  const activity = new Activity(fleet, Date.now(), PACE);
  await activity.begin(Infinity);
  activity.sell(seller, [await Platform.signIn(gatewayUrl(), fleetBuyer)]);
  console.log(`${DEVICES} devices are connected`);
  return activity.failure;
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
