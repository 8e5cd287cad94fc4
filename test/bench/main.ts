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

const USAGE = `npm run bench                 measures all, and writes docs/performance.md
npm run bench -- <part> ...   measures these alone: orders, brokers, open, edge,
                              devices, idle, growth
npm run bench -- profile <service> [orders|reads] [count]   where a service spends its CPU
  --quick   shows that it works, in a minute or two; prints, and writes nothing
  --write   with --quick: writes it all the same
  --json    prints what was measured, for programs`;

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
  if (unknown !== undefined) throw new Error(`${unknown} is no part\n${USAGE}`);

  const effort: Effort = values.quick ? 'quick' : 'full';
  const file = join(localDir, `bench${values.quick ? '-quick' : ''}.json`);
  for (const [name, part] of Object.entries(PARTS)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    const result = await part.run(effort, say);
    // kept at once: what comes later may fail
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

/** What goes on, for those who wait; apart from what is measured. */
function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
