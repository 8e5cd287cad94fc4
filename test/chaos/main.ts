import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  choice,
  flag,
  json,
  list,
  number,
  type Parsed,
  runCommand,
  seed,
  text,
} from '../../scripts/start/command-line.mjs';
import { interruption } from '../tools/interruption';
import { BUSES, STATES } from '../harness/transports';
import { chaosInCluster } from '../kubernetes/node/start';
import { SERVICES } from './load';
import { outageSchedule, outageSeconds } from './outages';
import { runChaos } from './run';
import { schedule } from './schedule';

const COMMAND = {
  about: `npm run chaos starts a whole system, injects a seeded schedule of faults under load, and checks the
invariants of test/invariants. Ctrl-C ends the faults and checks what has happened so far; a second
Ctrl-C exits.`,
  usage: 'npm run chaos [-- <options>]',
  options: {
    seed: seed('decides the schedule and the requests'),
    minutes: number('how long the load lasts', { default: 5, min: 0.5 }),
    rate: number('requests per second', { default: 6, min: 0.1 }),
    outages: flag('instead of other faults, each service is down in turn'),
    'outage-minutes': number('how long each of these outages lasts', { default: 30, min: 0.1 }),
    of: list('only outages of this service; may be repeated', 'service'),
    bus: choice('the broker, if not the one of dapr.yaml', BUSES),
    state: choice('the state store, if not the one of dapr.yaml', STATES),
    kubernetes: flag(
      'the release in a cluster instead of a system of processes: npm run kubernetes',
    ),
    out: text('for the request log and the report (default: a temporary folder)', 'folder'),
    json,
  },
  failsIf: 'an invariant is violated, or an order is stuck',
} as const;

async function main({ options }: Parsed<typeof COMMAND.options>): Promise<number> {
  const { seed, bus, state } = options;
  if (options.kubernetes) return chaosInCluster(seed, options.minutes, options.rate, bus);
  const down = options.of.length > 0 ? options.of : SERVICES;
  const outage = options['outage-minutes'] * 60;
  const seconds = options.outages ? outageSeconds(down, outage) : options.minutes * 60;
  const folder = options.out ?? mkdtempSync(join(tmpdir(), `chaos-${seed}-`));
  const { violations, stuck, deadLettered, overtakings } = await runChaos({
    seed,
    seconds,
    folder,
    system: { bus, state },
    ordersPerSecond: options.rate,
    outages: options.outages,
    plan: (targets) =>
      options.outages ? outageSchedule(down, outage) : schedule(seed, seconds, targets),
    log: (line) => {
      (options.json ? console.error : console.log)(line);
    },
    signal: interruption(),
  });
  if (options.json) console.log(JSON.stringify({ seed, folder, violations, stuck }, null, 2));
  else console.log(`request log and report: ${folder}`);
  const heldUp = options.outages ? deadLettered + overtakings.length : 0;
  return violations.length + stuck + heldUp > 0 ? 1 : 0;
}

runCommand(COMMAND, main);
