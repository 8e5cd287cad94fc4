import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { inProject, localDir } from '../../scripts/start/project.mjs';
import { brokers } from './brokers';
import { devices } from './devices/devices';
import { edge } from './edge/edge';
import { growth } from './growth';
import { idle } from './idle';
import { open } from './open';
import { orders } from './orders';
import type { Effort, Part } from './part';
import { profile } from './profile';
import { report } from './report';
import { machine, readResults, writeResults } from './results';

const USAGE = `npm run bench measures the performance of the system and writes docs/performance.md.

npm run bench                 measure all parts
npm run bench -- <part> ...   measure these parts: orders, brokers, open, edge, devices, idle, growth
npm run bench -- profile <service> [orders|reads] [count]
                              show where a service spends its CPU

Options:
  --quick   a short run of a minute or two that prints the page and does not write it
  --write   with --quick: write the page
  --json    print the results as JSON
  --help    show this help`;

/** In the order of the document. */
const PARTS: Readonly<Record<string, Part>> = {
  orders,
  brokers,
  open,
  edge,
  devices,
  idle,
  growth,
};

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    say(USAGE);
    return;
  }
  if (positionals[0] === 'profile') return profile(positionals.slice(1));
  const unknown = positionals.find((name) => !Object.hasOwn(PARTS, name));
  if (unknown !== undefined) throw new Error(`There is no part "${unknown}".\n${USAGE}`);

  const effort: Effort = values.quick ? 'quick' : 'full';
  const file = join(localDir, `bench${values.quick ? '-quick' : ''}.json`);
  for (const [name, part] of Object.entries(PARTS)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    const result = await part.run(effort, say);
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
  if (!values.quick || values.write) writeFileSync(document, text);
  process.stdout.write(values.json ? `${JSON.stringify(known)}\n` : text);
}

/** Prints progress to stderr, apart from the results. */
function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
