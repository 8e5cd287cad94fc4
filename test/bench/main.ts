import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inProject, localDir } from '../../scripts/start/project.mjs';
import { brokers } from './brokers';
import { devices } from './devices/devices';
import { edge } from './edge/edge';
import { growth } from './growth';
import { hostile } from './hostile/hostile';
import { idle } from './idle';
import { mtls } from './mtls';
import { open } from './open';
import { orders } from './orders';
import { parked } from './parked';
import type { Effort, Part } from './part';
import { profile } from './profile';
import { search } from './search';
import { report } from './report';
import { machine, readResults, writeResults } from './results';
import {
  UsageError,
  flag,
  json,
  type Parsed,
  runCommand,
} from '../../scripts/start/command-line.mjs';

/** In the order of the document. */
const PARTS: Readonly<Record<string, Part>> = {
  orders,
  brokers,
  open,
  edge,
  hostile,
  devices,
  mtls,
  idle,
  growth,
  search,
  parked,
};

const COMMAND = {
  about: 'npm run bench measures the performance of the system and writes docs/performance.md.',
  usage: `npm run bench                 measure all parts
npm run bench -- <part> ...   measure these parts: ${Object.keys(PARTS).join(', ')}
npm run bench -- profile <service> [orders|reads] [count]
                              show where a service spends its CPU`,
  positionals: { name: 'part' },
  options: {
    quick: flag('a short run that prints the page and does not write it: 1 to 5 minutes a part'),
    write: flag('with --quick: write the page'),
    json,
  },
  failsIf: 'a part could not be measured',
} as const;

async function main({ options, positionals }: Parsed<typeof COMMAND.options>): Promise<number> {
  if (positionals[0] === 'profile') {
    await profile(positionals.slice(1));
    return 0;
  }
  const unknown = positionals.find((name) => !Object.hasOwn(PARTS, name));
  if (unknown !== undefined) {
    const known = Object.keys(PARTS).join(', ');
    throw new UsageError(`There is no part "${unknown}": choose from ${known}`);
  }

  const effort: Effort = options.quick ? 'quick' : 'full';
  const file = join(localDir, `bench${options.quick ? '-quick' : ''}.json`);
  for (const [name, part] of Object.entries(PARTS)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    const result = await part.run(effort, log);
    // Stored now, because a later part may fail.
    writeResults(file, { ...readResults(file), [name]: result });
  }

  const known = readResults(file);
  const chapters = Object.entries(PARTS).map(([name, part]) => {
    const result = Object.hasOwn(known, name) ? part.result.parse(known[name]) : undefined;
    return { part, result };
  });
  const document = inProject('docs', 'performance.md');
  const text = report(await machine(), chapters, readFileSync(document, 'utf8'));
  if (!options.quick || options.write) writeFileSync(document, text);
  process.stdout.write(options.json ? `${JSON.stringify(known)}\n` : text);
  return 0;
}

/** Prints progress to stderr, apart from the results. */
function log(line: string): void {
  process.stderr.write(`${line}\n`);
}

runCommand(COMMAND, main);
