import { isDeepStrictEqual } from 'node:util';
import { BUSES, STATES } from '../harness/transports';
import { type Behaviour, type Facts, type Observed, type Size, seconds } from './behaviour';
import { writeBroker, writeStore } from './report';
import { BrokerFixture } from './broker-fixture';
import { json, list, number, type Parsed, runCommand } from '../../scripts/start/command-line.mjs';
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
    json,
  },
  failsIf: 'a behaviour differs from the expected one; the others are written nevertheless',
};

interface Result extends Observed {
  readonly behaviour: string;
  readonly holds: boolean;
}

/** Where results go: into a list for JSON, and printed for people. */
interface Output {
  readonly results: Result[];
  readonly print: (...text: unknown[]) => void;
}

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
  { results, print }: Output,
): Promise<number> {
  let failed = 0;
  const runOne = async ([name, behaviour]: readonly [Name, Behaviour<S>]) => {
    const begun = performance.now();
    const { facts, figures } = await behaviour.observe(broker, size);
    const wanted = expected(name);
    const holds = isDeepStrictEqual(facts, wanted);
    if (holds) publish(name, { facts, figures });
    else failed++;
    results.push({ behaviour: behaviour.name, holds, facts, figures });
    const took = seconds(performance.now() - begun);
    print(`  ${holds ? '✓' : '✗'} ${behaviour.name} (${took})`);
    if (!holds) print('    observed', facts, 'expected', wanted);
    for (const [what, figure] of Object.entries(figures)) print(`      ${what}: ${figure}`);
  };
  for (const phase of phases) await Promise.all(phase.map(runOne));
  return failed;
}

async function main({ options, positionals }: Parsed<typeof COMMAND.options>): Promise<number> {
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
  const results: Record<string, Result[]> = {};
  const print = options.json ? console.error : console.log;
  const begun = performance.now();
  for (const bus of BUSES.filter(isSelected)) {
    const broker = await BrokerFixture.open(bus, size);
    print(broker.description);
    const found = (results[bus] = []);
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
        { results: found, print },
      );
    } finally {
      await broker.close();
    }
  }
  for (const state of isSelected(STORES) ? STATES : []) {
    const store = await StoreFixture.open(state);
    print(`documents in ${store.description}`);
    const found = (results[state] = []);
    try {
      const phases = chosen(storeSuite.map((row) => [row]));
      const expects = (name: StoreBehaviourName) => expectedOfStore(name, state);
      const write = (name: StoreBehaviourName, observed: Observed) => {
        writeStore(state, name, observed);
      };
      failed += await runBehaviours(store, phases, size, expects, write, {
        results: found,
        print,
      });
    } finally {
      await store.close();
    }
  }
  print(`took ${seconds(performance.now() - begun)}`);
  if (options.json) console.log(JSON.stringify(results, null, 2));
  return failed === 0 ? 0 : 1;
}

runCommand(COMMAND, main);
