import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BUSES, STATES } from '../harness/transports';
import { runChaos } from './run';
import { schedule } from './schedule';

const USAGE = `npm run chaos -- [--seed N] [--minutes M] [--rate N] [--bus NAME] [--state NAME] [--out FOLDER]
Hits a whole system under load with a seeded schedule of faults, and checks what came of it.
  --seed     which schedule and which requests (one of chance)
  --minutes  how long the load lasts (5)
  --rate     requests a second (6)
  --bus      what carries the events: ${BUSES.join(', ')} (as dapr.yaml says)
  --state    what keeps the documents: ${STATES.join(', ')} (as dapr.yaml says)
  --out      where ledger and report are written (a temporary folder)`;

/** The number of an option; throws where it is none. */
function numberIn(text: string, name: string, least: number): number {
  const number = Number(text);
  if (text === '' || !(number >= least))
    throw new Error(`--${name} must be a number from ${least}`);
  return number;
}

/** What an option names, if it is given; throws where that is none of these. */
function oneOf<T extends string>(
  known: readonly T[],
  given: string | undefined,
  option: string,
): T | undefined {
  const found = known.find((name) => name === given);
  if (given === undefined || found !== undefined) return found;
  throw new Error(`--${option} is ${known.join(', ')}, and not ${given}`);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
      minutes: { type: 'string', default: '5' },
      rate: { type: 'string', default: '6' },
      bus: { type: 'string' },
      state: { type: 'string' },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const seed = numberIn(values.seed, 'seed', 0);
  const seconds = numberIn(values.minutes, 'minutes', 0.5) * 60;
  const system = {
    bus: oneOf(BUSES, values.bus, 'bus'),
    state: oneOf(STATES, values.state, 'state'),
  };
  const folder = values.out ?? mkdtempSync(join(tmpdir(), `chaos-${seed}-`));

  // Once: heal, check and leave. Twice: leave at once; the reaper cleans up.
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (interrupted.signal.aborted) process.exit(130);
      interrupted.abort();
    });
  }
  const { violations, stuck } = await runChaos({
    seed,
    seconds,
    folder,
    system,
    ordersPerSecond: numberIn(values.rate, 'rate', 0.1),
    plan: (targets) => schedule(seed, seconds, targets),
    tell: (line) => {
      console.log(line);
    },
    signal: interrupted.signal,
  });
  console.log(`ledger and report: ${folder}`);
  return violations.length + stuck > 0 ? 1 : 0;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
