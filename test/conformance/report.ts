import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { inProject } from '../../scripts/start/project.mjs';
import { table } from '../bench/markdown';
import { BUSES, type Bus, STATES, type State } from '../harness/transports';
import type { Observed as ObservedBehaviour } from './behaviour';
import { type Difference, differences, storeDifferences } from './differences';
import { type BehaviourName, type StoreBehaviourName, storeSuite, suite } from './suite';

const Observed = z.object({
  facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  figures: z.record(z.string(), z.string()),
});
/** The results of one broker or store, by behaviour. */
const ResultsOfOne = z.record(z.string(), Observed);
type ResultsOfOne = z.infer<typeof ResultsOfOne>;

/** The latest results. */
const Results = z.object({
  brokers: z.partialRecord(z.enum(BUSES), ResultsOfOne),
  stores: z.partialRecord(z.enum(STATES), ResultsOfOne),
});
type Results = z.infer<typeof Results>;

const DATA = inProject('docs', 'brokers.json');
const DOCUMENT = inProject('docs', 'brokers.md');

/** The latest results, as kept in docs/brokers.json. */
export function known(): Results {
  if (!existsSync(DATA)) return { brokers: {}, stores: {} };
  return Results.parse(JSON.parse(readFileSync(DATA, 'utf8')));
}

/** Replaces the result of a behaviour on a broker, and writes docs/brokers.md. */
export function writeBroker(bus: Bus, name: BehaviourName, observed: ObservedBehaviour): void {
  const { brokers, stores } = known();
  write({ brokers: { ...brokers, [bus]: { ...brokers[bus], [name]: observed } }, stores });
}

/** Replaces the result of a behaviour on a store, and writes docs/brokers.md. */
export function writeStore(
  state: State,
  name: StoreBehaviourName,
  observed: ObservedBehaviour,
): void {
  const { brokers, stores } = known();
  write({ brokers, stores: { ...stores, [state]: { ...stores[state], [name]: observed } } });
}

function write(results: Results): void {
  writeFileSync(DATA, `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(DOCUMENT, document(results));
}

const NAMES: Readonly<Record<Bus | State, string>> = {
  redis: 'Redis',
  rabbitmq: 'RabbitMQ',
  kafka: 'Kafka',
  sqlite: 'SQLite',
  postgresql: 'PostgreSQL',
};

/** The brokers, or the stores: two tables of the document. */
interface Part {
  readonly transports: readonly (Bus | State)[];
  readonly rows: readonly (readonly [name: string, behaviour: { readonly name: string }])[];
  readonly results: Readonly<Record<string, ResultsOfOne | undefined>>;
  readonly differences: Readonly<Record<string, Readonly<Record<string, Difference | undefined>>>>;
}

/** The text of docs/brokers.md. */
export function document({ brokers, stores }: Results): string {
  const ofBrokers: Part = { transports: BUSES, rows: suite, results: brokers, differences };
  const ofStores: Part = {
    transports: STATES,
    rows: storeSuite,
    results: stores,
    differences: storeDifferences,
  };
  return [
    '# Event brokers and document stores',
    '',
    'Which guarantees each supported broker and store gives, and how fast it is. This page is written by',
    '`npm run conformance`, which runs the behaviours of `test/conformance` on a real server, with real',
    'sidecars and the components of this project. `npm run conformance -- kafka` measures one broker again,',
    '`npm run conformance -- stores` the stores. `npm test` asserts every guarantee and every difference below.',
    '',
    '## Which one to choose',
    '',
    ...ADVICE.map((line) => `- ${line}`),
    '',
    '## Brokers',
    '',
    ...guarantees(ofBrokers),
    '',
    '### Measured on the brokers',
    '',
    ...MEASURED,
    '',
    ...figures(ofBrokers),
    '',
    '## Stores',
    '',
    ...guarantees(ofStores),
    '',
    '### Measured on the stores',
    '',
    ...MEASURED,
    '',
    ...figures(ofStores),
    '',
  ].join('\n');
}

const MEASURED = [
  'One run on two cores. Compare the columns; the absolute values depend on the machine.',
];

/** One row for each behaviour, and below the table a note for each cell that is not "yes". */
function guarantees(part: Part): string[] {
  const notes = notesOf(part);
  const rows = part.rows.map(([name, behaviour]) => [
    behaviour.name,
    ...part.transports.map((transport) => {
      if (part.results[transport]?.[name] === undefined) return 'not measured';
      const note = notes.findIndex((it) => it.transport === transport && it.name === name);
      return note < 0 ? 'yes' : `partly (${note + 1})`;
    }),
  ]);
  return [
    ...table(['behaviour', ...part.transports.map((transport) => NAMES[transport])], rows),
    '',
    ...notes.map(({ text }, at) => `${at + 1}. ${text}`),
  ];
}

function notesOf({ transports, differences }: Part) {
  return transports.flatMap((transport) =>
    Object.entries(differences[transport] ?? {}).flatMap(([name, difference]) => {
      if (difference === undefined) return [];
      return [{ transport, name, text: `${NAMES[transport]}: ${difference.note}` }];
    }),
  );
}

/** One row for each figure. */
function figures({ transports, rows, results }: Part): string[] {
  const names = rows.flatMap(([behaviour]) => {
    const all = transports.flatMap((it) => Object.keys(results[it]?.[behaviour]?.figures ?? {}));
    return [...new Set(all)].map((figure) => ({ behaviour, figure }));
  });
  return table(
    ['figure', ...transports.map((transport) => NAMES[transport])],
    names.map(({ behaviour, figure }) => [
      figure,
      ...transports.map((it) => results[it]?.[behaviour]?.figures[figure] ?? ''),
    ]),
  );
}

const ADVICE = [
  '**Redis** if it is already in use and a backlog fits into its memory: it is the least to operate, and recovers fastest.',
  '**RabbitMQ** if replicas share work and a consumer that dies must not delay it: its events are redelivered immediately. RabbitMQ stores events only for the services in its definitions.',
  '**RabbitMQ with a released Dapr**: Dapr up to 1.18 waits for the confirmation of a publish (`publisherConfirm`), and reports success also when the connection ends before it arrives. If RabbitMQ dies, events that were in flight are lost: an order, for example, is then without its notification. Its subscriptions also share a channel, and after a reconnect one of them may receive no more events. The Dapr that is built here has neither fault ([rabbitmq.go](../runtime/rabbitmq.go)); the figures below are its. `npm start` uses it with RabbitMQ even where another Dapr is installed, if Go is there. For the dapr command: `npm run runtime`, then `dapr run --runtime-path .runtime -f dapr.yaml`. No setting of the released component changes this, and no other of its operations reports the confirmation.',
  '**Kafka** if the events of one key should arrive in order, a backlog is large, or events are to be retained.',
  '**Documents**: SQLite on a single machine, PostgreSQL otherwise. Redis only if documents are never deleted, or if a deleted document may reappear.',
  'No service may depend on the order of deliveries, or on receiving an event only once: no broker guarantees either.',
];
