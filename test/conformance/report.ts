import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { inProject } from '../../scripts/start/project.mjs';
import { table } from '../bench/markdown';
import { BUSES, type Bus, STATES, type State } from '../harness/transports';
import type { Observed as Seen } from './behaviour';
import { type Difference, differences, storeDifferences } from './differences';
import { type BehaviourName, type StoreBehaviourName, storeSuite, suite } from './suite';

const Observed = z.object({
  facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  figures: z.record(z.string(), z.string()),
});
/** What was seen and measured of one broker, or store, by behaviour. */
const OfOne = z.record(z.string(), Observed);
type OfOne = z.infer<typeof OfOne>;

/** What was seen and measured last. */
const Results = z.object({
  brokers: z.partialRecord(z.enum(BUSES), OfOne),
  stores: z.partialRecord(z.enum(STATES), OfOne),
});
type Results = z.infer<typeof Results>;

const DATA = inProject('docs', 'brokers.json');
const DOCUMENT = inProject('docs', 'brokers.md');

export function known(): Results {
  if (!existsSync(DATA)) return { brokers: {}, stores: {} };
  return Results.parse(JSON.parse(readFileSync(DATA, 'utf8')));
}

/** Notes what was seen of one behaviour on a broker, in the place of what was seen before. */
export function writeBroker(bus: Bus, name: BehaviourName, observed: Seen): void {
  const { brokers, stores } = known();
  write({ brokers: { ...brokers, [bus]: { ...brokers[bus], [name]: observed } }, stores });
}

/** The same of a store. */
export function writeStore(state: State, name: StoreBehaviourName, observed: Seen): void {
  const { brokers, stores } = known();
  write({ brokers, stores: { ...stores, [state]: { ...stores[state], [name]: observed } } });
}

function write(results: Results): void {
  writeFileSync(DATA, `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(DOCUMENT, document(results));
}

/** What was looked at on several transports: a table of the document. */
interface Part {
  readonly transports: readonly string[];
  readonly rows: readonly (readonly [name: string, behaviour: { readonly name: string }])[];
  readonly results: Readonly<Record<string, OfOne | undefined>>;
  readonly differences: Readonly<Record<string, Readonly<Record<string, Difference | undefined>>>>;
}

/** docs/brokers.md. */
export function document({ brokers, stores }: Results): string {
  const ofBrokers = { transports: BUSES, rows: suite, results: brokers, differences };
  const ofStores = {
    ...{ transports: STATES, rows: storeSuite, results: stores },
    differences: storeDifferences,
  };
  return [
    '# What each broker and each store gives',
    '',
    'Written by `npm run conformance`; `npm run conformance -- <broker>` measures one anew, and',
    '`npm run conformance -- stores` the stores. Each line is one behaviour of test/conformance, on a',
    'real server under real sidecars, with the components of this project. "Yes" is asserted, and so is',
    'each difference; figures are of one run on two cores, and say more by comparison than by themselves.',
    '',
    '## Brokers',
    '',
    ...tableOf(ofBrokers),
    '',
    '## Stores of documents',
    '',
    ...tableOf(ofStores),
    '',
    '## Differences',
    '',
    ...[ofBrokers, ofStores].flatMap(differenceLines),
    '',
    '## Which to choose',
    '',
    ...ADVICE.map((line) => `- ${line}`),
    '',
  ].join('\n');
}

function tableOf(part: Part): string[] {
  const rows = part.rows.map(([name, behaviour]) => [
    behaviour.name,
    ...part.transports.map((transport) => cell(part, transport, name)),
  ]);
  return table(['behaviour', ...part.transports], rows);
}

function cell({ results, differences }: Part, transport: string, name: string): string {
  const observed = results[transport]?.[name];
  if (observed === undefined) return 'not measured';
  const figures = Object.entries(observed.figures).map(([what, figure]) => `${what}: ${figure}`);
  const guarantee = differences[transport]?.[name] === undefined ? 'yes' : 'not all, see below';
  return [guarantee, ...figures].join('; ');
}

function differenceLines({ transports, rows, differences }: Part): string[] {
  const titles = new Map(rows.map(([name, behaviour]) => [name, behaviour.name]));
  return transports.flatMap((transport) =>
    Object.entries(differences[transport] ?? {}).flatMap(([name, difference]) => {
      if (difference === undefined) return [];
      const seen = Object.entries(difference.facts).map(([what, it]) => `${what}: ${String(it)}`);
      const title = titles.get(name) ?? name;
      return `- ${transport}, "${title}": ${seen.join(', ')}. The reason: ${difference.reason}.`;
    }),
  );
}

const ADVICE = [
  'Redis where it is there already and a backlog fits in its memory: least to run, quickest back.',
  'RabbitMQ where events are work to be shared and a consumer that dies must not hold others up: what it had is given again at once. It keeps events for those services only that are in its definitions.',
  'Kafka where events of one key should come in order, a backlog is large, or events are to be kept.',
  'Documents in sqlite on one machine, in PostgreSQL anywhere else; Redis where documents are never removed, or nobody minds one that comes back.',
  'No service may rest on the order or the uniqueness of deliveries: that holds on none of them.',
];
