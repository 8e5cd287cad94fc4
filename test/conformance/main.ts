import { isDeepStrictEqual, parseArgs } from 'node:util';
import { BUSES, STATES } from '../harness/transports';
import { type Behaviour, type Facts, type Observed, type Size, seconds } from './behaviour';
import { writeBroker, writeStore } from './report';
import { Stage } from './stage';
import { Keepers } from './stores/keepers';
import {
  type BehaviourName,
  type StoreBehaviourName,
  expected,
  expectedOfStore,
  phasesToMeasure,
  storeSuite,
} from './suite';

const STORES = 'stores';
const USAGE = `npm run conformance runs the behaviours that the system depends on, on real brokers and stores, and writes
the results to docs/brokers.json and docs/brokers.md.

Usage: npm run conformance [-- [redis] [rabbitmq] [kafka] [stores] <options>]

Without a name, all brokers and stores are run.

Options:
  --only <behaviour>   run this behaviour only, such as sharing or backlog; may be repeated
  --backlog <count>    events in the backlog (100000)
  --help               show this help`;

/** The processingTimeout of components/bus/redis. */
const REDELIVERY_SECONDS = 20;

/**
 * Runs behaviours on one transport, those of a phase concurrently, and publishes the results that are as
 * expected. Any other result is a defect of the system or of differences.ts. Returns the number of these.
 */
async function runBehaviours<S, Name extends string>(
  stage: S,
  phases: readonly (readonly (readonly [Name, Behaviour<S>])[])[],
  size: Size,
  expected: (name: Name) => Facts,
  publish: (name: Name, observed: Observed) => void,
): Promise<number> {
  let failed = 0;
  const runOne = async ([name, behaviour]: readonly [Name, Behaviour<S>]) => {
    const begun = performance.now();
    const { facts, figures } = await behaviour.observe(stage, size);
    const wanted = expected(name);
    const holds = isDeepStrictEqual(facts, wanted);
    if (holds) publish(name, { facts, figures });
    else failed++;
    const took = seconds(performance.now() - begun);
    console.log(`  ${holds ? '✓' : '✗'} ${behaviour.name} (${took})`);
    if (!holds) console.log('    observed', facts, 'expected', wanted);
    for (const [what, figure] of Object.entries(figures)) console.log(`      ${what}: ${figure}`);
  };
  for (const phase of phases) await Promise.all(phase.map(runOne));
  return failed;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      backlog: { type: 'string', default: '100000' },
      only: { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', default: false },
    },
  });
  const names = [...BUSES, STORES];
  const unknown = positionals.filter((name) => !names.some((it) => it === name));
  if (values.help || unknown.length > 0) {
    console.log(USAGE);
    return values.help ? 0 : 1;
  }
  const size = {
    load: 400,
    backlog: Number(values.backlog),
    redeliverySeconds: REDELIVERY_SECONDS,
  };
  const { only } = values;
  const chosen = <Name extends string, S>(
    phases: readonly (readonly (readonly [Name, Behaviour<S>])[])[],
  ) => phases.map((rows) => rows.filter(([name]) => only.length === 0 || only.includes(name)));
  const isSelected = (name: string) => positionals.length === 0 || positionals.includes(name);
  let failed = 0;
  const begun = performance.now();
  for (const bus of BUSES.filter(isSelected)) {
    const stage = await Stage.open(bus, size);
    console.log(stage.says);
    try {
      const expects = (name: BehaviourName) => expected(name, bus);
      failed += await runBehaviours(
        stage,
        chosen(phasesToMeasure),
        size,
        expects,
        (name, observed) => {
          writeBroker(bus, name, observed);
        },
      );
    } finally {
      await stage.close();
    }
  }
  for (const state of isSelected(STORES) ? STATES : []) {
    const keepers = await Keepers.open(state);
    console.log(`documents in ${keepers.says}`);
    try {
      const phases = chosen(storeSuite.map((row) => [row]));
      const expects = (name: StoreBehaviourName) => expectedOfStore(name, state);
      failed += await runBehaviours(keepers, phases, size, expects, (name, observed) => {
        writeStore(state, name, observed);
      });
    } finally {
      await keepers.close();
    }
  }
  console.log(`took ${seconds(performance.now() - begun)}`);
  return failed === 0 ? 0 : 1;
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
