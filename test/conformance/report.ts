import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { inProject } from '../../scripts/start/project.mjs';
import { table } from '../bench/markdown';
import { BUSES, type Bus } from '../harness/transports';
import { differences } from './differences';
import { type BehaviourName, suite } from './suite';

const Observed = z.object({
  facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  figures: z.record(z.string(), z.string()),
});
/** What was seen and measured last, by broker and behaviour. */
const Results = z.partialRecord(z.enum(BUSES), z.record(z.string(), Observed));
export type Results = z.infer<typeof Results>;

const DATA = inProject('docs', 'brokers.json');
const DOCUMENT = inProject('docs', 'brokers.md');

export function known(): Results {
  return existsSync(DATA) ? Results.parse(JSON.parse(readFileSync(DATA, 'utf8'))) : {};
}

export function write(results: Results): void {
  writeFileSync(DATA, `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(DOCUMENT, document(results));
}

/** docs/brokers.md. */
export function document(results: Results): string {
  const rows = suite.map(([name, behaviour]) => [
    behaviour.name,
    ...BUSES.map((bus) => cell(results, bus, name)),
  ]);
  return [
    '# What each broker gives',
    '',
    'Written by `npm run conformance`; `npm run conformance -- <broker>` measures one anew. Each line is',
    'one behaviour of test/conformance, on a real broker under real sidecars, with the components of',
    'this project. "Yes" is asserted, and so is each difference; figures are of one run on two cores that',
    'did other work too, and say more by comparison than by themselves.',
    '',
    ...table(['behaviour', ...BUSES], rows),
    '',
    '## Differences',
    '',
    ...differenceLines(),
    '',
    '## Which to choose',
    '',
    ...ADVICE.map((line) => `- ${line}`),
    '',
  ].join('\n');
}

function cell(results: Results, bus: Bus, name: BehaviourName): string {
  const observed = results[bus]?.[name];
  if (observed === undefined) return 'not measured';
  const figures = Object.entries(observed.figures).map(([what, figure]) => `${what}: ${figure}`);
  const guarantee = differences[bus][name] === undefined ? 'yes' : 'not all, see below';
  return [guarantee, ...figures].join('; ');
}

function differenceLines(): string[] {
  return BUSES.flatMap((bus) =>
    Object.entries(differences[bus]).map(([name, { facts, reason }]) => {
      const seen = Object.entries(facts).map(([what, fact]) => `${what}: ${String(fact)}`);
      return `- ${bus}, ${name}: ${seen.join(', ')}. The reason: ${reason}.`;
    }),
  );
}

const ADVICE = [
  'Redis where it is there already and a backlog fits in its memory: least to run, quickest back.',
  'RabbitMQ where events are work to be shared and a consumer that dies must not hold others up: what it had is given again at once.',
  'Kafka where events of one key should come in order, a backlog is large, or events are to be kept.',
  'No service may rest on the order or the uniqueness of deliveries: that holds on none of them.',
  'A service that RabbitMQ is to keep events for has to be in its definitions before they are said.',
];
