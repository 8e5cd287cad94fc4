import { readAccounts } from '../../scripts/start/accounts.mjs';
import { gatewayUrl } from '../../scripts/start/gateway.mjs';
import {
  choice,
  flag,
  interruption,
  number,
  parseCommand,
  runCommand,
  seed,
} from '../tools/command-line';
import { ADMIN } from '../harness/system';
import { runFleet } from './run';
import { BROKERS, BROKER_DROPS, startFaultySystem } from './system';

const COMMAND = {
  about: `npm run simulate connects simulated devices of shops over MQTT to the running system (npm start), and
checks that stock and money add up. It exits with 1 if they do not. Ctrl-C ends the activity and checks
what has happened so far; a second Ctrl-C exits.`,
  usage: 'npm run simulate [-- <options>]',
  options: {
    devices: number('vending machines, shelves and tills', { default: 500, min: 1, max: 5_000 }),
    minutes: number('how long they are active', { default: 5, min: 0.1, max: 60 }),
    seed: seed('decides what the devices do'),
    faults: flag(
      'start a system of its own, kill its iot-gateway and sidecar, and restart its broker',
    ),
    broker: choice('the broker of the devices (default: mosquitto)', BROKERS),
  },
  notes: `Environment variables:
  GATEWAY_URL   the gateway (default: the one of npm start)
  MQTT_URL      the broker of the devices (default: mqtt://127.0.0.1:1883)
  PROVIDER_URL  the payment provider simulator (default: http://127.0.0.1:3104)`,
} as const;

async function main(): Promise<number> {
  const options = parseCommand(COMMAND)?.options;
  if (options === undefined) return 0;
  const { seed, devices, broker: kind = 'mosquitto' } = options;
  const seconds = options.minutes * 60;
  const brokerDrops = BROKER_DROPS[kind];
  const run = { seed, seconds, devices, brokerDrops, signal: interruption() };
  if (!options.faults) {
    const { MQTT_URL: broker = 'mqtt://127.0.0.1:1883' } = process.env;
    const { PROVIDER_URL: provider = 'http://127.0.0.1:3104' } = process.env;
    const { admin } = readAccounts();
    const found = await runFleet({ ...run, gateway: gatewayUrl(), broker, provider, admin });
    return found.length > 0 ? 1 : 0;
  }
  const system = await startFaultySystem({ seed, seconds, broker: kind });
  try {
    const found = await runFleet({ ...run, ...system.urls, admin: ADMIN, ...system.hooks });
    return found.length > 0 ? 1 : 0;
  } finally {
    await system.stop();
  }
}

runCommand(main);
