import { parseArgs } from 'node:util';
import { readAccounts } from '../../scripts/start/accounts.mjs';
import { gatewayUrl } from '../../scripts/start/gateway.mjs';
import { ADMIN } from '../harness/system';
import { simulate } from './run';
import { startFaulty } from './system';

const USAGE = `npm run simulate -- [--devices N] [--minutes M] [--seed N] [--faults]
Devices of shops over MQTT at a running system (npm start), and a check that stock and money add up.
  --devices  vending machines, shelves and tills (500)
  --minutes  how long they live (5)
  --seed     what happens (one of chance)
  --faults   at a system of its own, of which the service that hears devices, its sidecar and the
             broker are killed or restarted meanwhile
Settings, from the environment: GATEWAY_URL, MQTT_URL, PROVIDER_URL`;

/** The number of an option; throws where it is none. */
function numberIn(text: string, name: string, least: number, most: number): number {
  const number = Number(text);
  if (text !== '' && number >= least && number <= most) return number;
  throw new Error(`--${name} must be a number from ${least} to ${most}`);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      devices: { type: 'string', default: '500' },
      minutes: { type: 'string', default: '5' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
      faults: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const seed = numberIn(values.seed, 'seed', 0, 2 ** 31);
  const seconds = numberIn(values.minutes, 'minutes', 0.1, 60) * 60;
  const devices = numberIn(values.devices, 'devices', 1, 5_000);
  // Once: what has happened is checked. Twice: leave at once.
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (interrupted.signal.aborted) process.exit(130);
      interrupted.abort();
    });
  }
  const options = { seed, seconds, devices, signal: interrupted.signal };
  if (!values.faults) {
    const { MQTT_URL: broker = 'mqtt://127.0.0.1:1883' } = process.env;
    const { PROVIDER_URL: provider = 'http://127.0.0.1:3104' } = process.env;
    const { admin } = readAccounts();
    const found = await simulate({ ...options, gateway: gatewayUrl(), broker, provider, admin });
    return found.length > 0 ? 1 : 0;
  }
  const system = await startFaulty(seed, seconds);
  try {
    const found = await simulate({ ...options, ...system.place, admin: ADMIN, ...system.hooks });
    return found.length > 0 ? 1 : 0;
  } finally {
    await system.stop();
  }
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
