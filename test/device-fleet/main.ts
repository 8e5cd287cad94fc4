import { readAccounts } from '../../scripts/start/accounts.mjs';
import { gatewayUrl } from '../../scripts/start/gateway.mjs';
import {
  choice,
  flag,
  json,
  number,
  type Parsed,
  runCommand,
  seed,
} from '../../scripts/start/command-line.mjs';
import { interruption } from '../tools/interruption';
import { ADMIN } from '../harness/system';
import type { Finding } from '../invariants/books';
import { ProgressView } from './progress-view';
import { runFleet } from './run';
import { BROKERS, BROKER_DROPS, startFaultySystem } from './system';

const COMMAND = {
  about: `npm run simulate connects simulated devices of shops over MQTT to the running system (npm start), and
checks that stock and money add up. Ctrl-C ends the activity and checks what has happened so far; a second
Ctrl-C exits.`,
  usage: 'npm run simulate [-- <options>]',
  options: {
    devices: number('vending machines, shelves and tills', { default: 500, min: 1, max: 5_000 }),
    minutes: number('how long they are active', { default: 5, min: 0.1, max: 60 }),
    seed: seed('decides what the devices do'),
    faults: flag(
      'start a system of its own, kill its iot-gateway and sidecar, and restart its broker',
    ),
    broker: choice('the broker of the devices (default: mosquitto)', BROKERS),
    json,
  },
  failsIf: 'stock, money, refusals or presence do not add up',
  notes: `Environment variables:
  GATEWAY_URL   the gateway (default: the one of npm start)
  MQTT_URL      the broker of the devices (default: mqtt://127.0.0.1:1883)
  PROVIDER_URL  the payment provider simulator (default: http://127.0.0.1:3104)`,
} as const;

async function main({ options }: Parsed<typeof COMMAND.options>): Promise<number> {
  const { seed, devices, broker: kind = 'mosquitto' } = options;
  const seconds = options.minutes * 60;
  const brokerDrops = BROKER_DROPS[kind];
  // the lines of progress are for people
  const view = options.json ? { view: new ProgressView(process.stderr) } : {};
  const run = { seed, seconds, devices, brokerDrops, signal: interruption(), ...view };
  const report = (violations: readonly Finding[]) => {
    if (options.json) console.log(JSON.stringify({ seed, violations }, null, 2));
    return violations.length > 0 ? 1 : 0;
  };
  if (!options.faults) {
    const { MQTT_URL: broker = 'mqtt://127.0.0.1:1883' } = process.env;
    const { PROVIDER_URL: provider = 'http://127.0.0.1:3104' } = process.env;
    const { admin } = readAccounts();
    return report(await runFleet({ ...run, gateway: gatewayUrl(), broker, provider, admin }));
  }
  const system = await startFaultySystem({ seed, seconds, broker: kind });
  try {
    return report(await runFleet({ ...run, ...system.urls, admin: ADMIN, ...system.hooks }));
  } finally {
    await system.stop();
  }
}

runCommand(COMMAND, main);
