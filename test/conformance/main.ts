import { isDeepStrictEqual, parseArgs } from 'node:util';
import { BUSES, type Bus } from '../harness/transports';
import type { Size } from './behaviour';
import { type Results, known, write } from './report';
import { Stage } from './stage';
import { expected, suite } from './suite';

const USAGE = `npm run conformance -- [redis] [rabbitmq] [kafka] [--backlog N]
Looks at each behaviour on these brokers (all of them), and writes what it sees to docs/brokers.md.`;

/** As components/bus/redis has it. */
const REDELIVERY_SECONDS = 20;

/** Looks at all behaviours on one broker; gives what was seen, and how many were not as expected. */
async function conform(bus: Bus, size: Size) {
  const stage = await Stage.open(bus, size);
  console.log(`${bus}: ${stage.world.broker.process.name}, as a process of this machine`);
  const observed: NonNullable<Results[Bus]> = {};
  let failed = 0;
  try {
    for (const [name, behaviour] of suite) {
      const { facts, figures } = await behaviour.observe(stage, size);
      observed[name] = { facts, figures };
      const wanted = expected(name, bus);
      const holds = isDeepStrictEqual(facts, wanted);
      if (!holds) failed++;
      console.log(`  ${holds ? '✓' : '✗'} ${behaviour.name}`);
      if (!holds) console.log('    seen', facts, 'instead of', wanted);
      for (const [what, figure] of Object.entries(figures)) console.log(`      ${what}: ${figure}`);
    }
  } finally {
    await stage.close();
  }
  return { observed, failed };
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      backlog: { type: 'string', default: '100000' },
      help: { type: 'boolean', default: false },
    },
  });
  const unknown = positionals.filter((name) => !BUSES.some((bus) => bus === name));
  if (values.help || unknown.length > 0) {
    console.log(USAGE);
    return values.help ? 0 : 1;
  }
  const size = {
    load: 400,
    backlog: Number(values.backlog),
    redeliverySeconds: REDELIVERY_SECONDS,
  };
  let failures = 0;
  for (const bus of BUSES.filter((it) => positionals.length === 0 || positionals.includes(it))) {
    const { observed, failed } = await conform(bus, size);
    failures += failed;
    // what is not as expected is a fault of the system or of differences.ts: no guarantee to publish
    if (failed === 0) write({ ...known(), [bus]: observed });
  }
  return failures === 0 ? 0 : 1;
}

void main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  },
);
