import { isDeepStrictEqual } from 'node:util';
import { BUSES, STATES } from '../harness/transports';
import { type Behaviour, type Facts, type Observed, type Size, seconds } from './behaviour';
import { writeBroker, writeStore } from './report';
import { BrokerFixture } from './broker-fixture';
import { list, number, parseCommand, runCommand } from '../tools/command-line';
import { StoreFixture } from './stores/store-fixture';
import {
  type BehaviourName,
  type StoreBehaviourName,
  expected,
  expectedOfStore,
  phasesToMeasure,
  storeSuite,
} from './suite';

const STORES = 'stores';
const COMMAND = {
  about: `npm run conformance runs the behaviours that the system depends on, on real brokers and stores, and writes
the results to docs/brokers.json and docs/brokers.md.`,
  usage: `npm run conformance                          run all brokers and stores
npm run conformance -- <name> ...            run these: ${[...BUSES, STORES].join(', ')}
npm run conformance -- <name> ... <options>`,
  positionals: { name: 'broker or store', of: [...BUSES, STORES] },
  options: {
    only: list('run this behaviour only, such as sharing or backlog; may be repeated', 'behaviour'),
    backlog: number('events in the backlog', { default: 100_000, min: 1 }),
  },
};

/** The processingTimeout of components/bus/redis. */
const REDELIVERY_SECONDS = 20;

/**
 * Runs behaviours on one transport, those of a phase concurrently, and publishes the results that are as
 * expected. Any other result is a defect of the system or of differences.ts. Returns the number of these.
 */
async function runBehaviours<S, Name extends string>(
  broker: S,
  phases: readonly (readonly (readonly [Name, Behaviour<S>])[])[],
  size: Size,
  expected: (name: Name) => Facts,
  publish: (name: Name, observed: Observed) => void,
): Promise<number> {
  let failed = 0;
  const runOne = async ([name, behaviour]: readonly [Name, Behaviour<S>]) => {
    const begun = performance.now();
    const { facts, figures } = await behaviour.observe(broker, size);
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
  const command = parseCommand(COMMAND);
  if (command === undefined) return 0;
  const { options, positionals } = command;
  const { only, backlog } = options;
  const size = {
    load: 400,
    backlog,
    redeliverySeconds: REDELIVERY_SECONDS,
  };
  const chosen = <Name extends string, S>(
    phases: readonly (readonly (readonly [Name, Behaviour<S>])[])[],
  ) => phases.map((rows) => rows.filter(([name]) => only.length === 0 || only.includes(name)));
  const isSelected = (name: string) => positionals.length === 0 || positionals.includes(name);
  let failed = 0;
  const begun = performance.now();
  for (const bus of BUSES.filter(isSelected)) {
    const broker = await BrokerFixture.open(bus, size);
    console.log(broker.description);
    try {
      const expects = (name: BehaviourName) => expected(name, bus);
      failed += await runBehaviours(
        broker,
        chosen(phasesToMeasure),
        size,
        expects,
        (name, observed) => {
          writeBroker(bus, name, observed);
        },
      );
    } finally {
      await broker.close();
    }
  }
  for (const state of isSelected(STORES) ? STATES : []) {
    const store = await StoreFixture.open(state);
    console.log(`documents in ${store.description}`);
    try {
      const phases = chosen(storeSuite.map((row) => [row]));
      const expects = (name: StoreBehaviourName) => expectedOfStore(name, state);
      failed += await runBehaviours(store, phases, size, expects, (name, observed) => {
        writeStore(state, name, observed);
      });
    } finally {
      await store.close();
    }
  }
  console.log(`took ${seconds(performance.now() - begun)}`);
  return failed === 0 ? 0 : 1;
}

runCommand(main);
