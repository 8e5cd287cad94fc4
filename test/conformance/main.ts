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
const USAGE = `npm run conformance -- [redis] [rabbitmq] [kafka] [stores] [--backlog N] [--only BEHAVIOUR]
Looks at each behaviour on these brokers, and on the stores of documents (all of them), and writes
what it sees to docs/brokers.md; with --only, of some alone: sharing, backlog, ...`;

/** As components/bus/redis has it. */
const REDELIVERY_SECONDS = 20;

/**
 * Looks at behaviours on one transport, side by side those of one phase, and publishes each that is as
 * expected: another is a fault of the system or of differences.ts, and no guarantee. Gives how many
 * are not.
 */
async function look<S, Name extends string>(
  stage: S,
  phases: readonly (readonly (readonly [Name, Behaviour<S>])[])[],
  size: Size,
  expected: (name: Name) => Facts,
  publish: (name: Name, observed: Observed) => void,
): Promise<number> {
  let failed = 0;
  const lookAt = async ([name, behaviour]: readonly [Name, Behaviour<S>]) => {
    const begun = performance.now();
    const { facts, figures } = await behaviour.observe(stage, size);
    const wanted = expected(name);
    const holds = isDeepStrictEqual(facts, wanted);
    if (holds) publish(name, { facts, figures });
    else failed++;
    const took = seconds(performance.now() - begun);
    console.log(`  ${holds ? '✓' : '✗'} ${behaviour.name} (${took})`);
    if (!holds) console.log('    seen', facts, 'instead of', wanted);
    for (const [what, figure] of Object.entries(figures)) console.log(`      ${what}: ${figure}`);
  };
  for (const phase of phases) await Promise.all(phase.map(lookAt));
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
  const isAsked = (name: string) => positionals.length === 0 || positionals.includes(name);
  let failed = 0;
  const begun = performance.now();
  for (const bus of BUSES.filter(isAsked)) {
    const stage = await Stage.open(bus, size);
    console.log(stage.says);
    try {
      const expects = (name: BehaviourName) => expected(name, bus);
      failed += await look(stage, chosen(phasesToMeasure), size, expects, (name, observed) => {
        writeBroker(bus, name, observed);
      });
    } finally {
      await stage.close();
    }
  }
  for (const state of isAsked(STORES) ? STATES : []) {
    const keepers = await Keepers.open(state);
    console.log(`documents in ${keepers.says}`);
    try {
      const phases = chosen(storeSuite.map((row) => [row]));
      const expects = (name: StoreBehaviourName) => expectedOfStore(name, state);
      failed += await look(keepers, phases, size, expects, (name, observed) => {
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
