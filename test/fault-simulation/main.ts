import { once } from 'node:events';
import { Worker, isMainThread, parentPort } from 'node:worker_threads';
import {
  choice,
  json,
  number,
  type Parsed,
  runCommand,
  text,
} from '../../scripts/start/command-line.mjs';
import { APPS, type App } from './faults';
import { MUTANTS } from './mutants';
import { type Found, type Tally, addTo, describeFound, search } from './search';

const COMMAND = {
  about: `npm run simulate:faults runs seeded schedules in virtual time, each with other orders, faults and
delays, and checks the invariants of test/invariants at the end of each. It starts no other process.`,
  usage: 'npm run simulate:faults [-- <options>]',
  options: {
    seed: number('the first seed', { default: 1, min: 0 }),
    runs: number('how many schedules', { default: 10_000, min: 1 }),
    workers: number('threads that share the work', { default: 1, min: 1 }),
    plant: choice('run a mutant, to see that its bug is detected', Object.keys(MUTANTS)),
    'outage-of': choice('an app that is down for half an hour in each schedule', APPS),
    path: text('run one schedule of the seed, as it was printed when it failed', 'path'),
    json,
  },
  failsIf: 'an invariant is violated',
} as const;

/** Schedules of one seed; then the next seed follows, whatever the number of workers. */
const RUNS_PER_SEED = 2_000;
const PROGRESS_MS = 5_000;

interface Chunk {
  seed: number;
  runs: number;
  mutant?: string | undefined;
  path?: string | undefined;
  outageOf?: App | undefined;
}
interface Result {
  tally: [string, number][];
  found?: Found | undefined;
}

async function work(chunk: Chunk): Promise<Result> {
  const tally: Tally = new Map();
  const found = await search({ ...chunk, tally });
  return { tally: [...tally], found };
}

async function main({ options }: Parsed<typeof COMMAND.options>): Promise<number> {
  const { seed, path, workers, plant: mutant, 'outage-of': outageOf } = options;
  const runs = path === undefined ? options.runs : 1;
  const chunks: Chunk[] = [];
  for (let first = 0; first < runs; first += RUNS_PER_SEED) {
    const chunk = { seed: seed + chunks.length, runs: Math.min(RUNS_PER_SEED, runs - first) };
    chunks.push({ ...chunk, mutant, path, outageOf });
  }
  const tally: Tally = new Map();
  const started = performance.now();
  let printed = started;
  const violations: Found[] = [];
  const note = options.json ? console.error : print;
  const take = async (run: (chunk: Chunk) => Promise<Result>) => {
    for (let chunk = chunks.shift(); chunk !== undefined; chunk = chunks.shift()) {
      const { tally: counts, found } = await run(chunk);
      addTo(tally, counts);
      if (found !== undefined) {
        violations.push(found);
        chunks.length = 0;
      }
      if (performance.now() - printed < PROGRESS_MS) continue;
      printed = performance.now();
      note(`${progress(tally, printed - started)} of ${runs}`);
    }
  };
  if (workers > 1) {
    const threads = Array.from({ length: workers }, () => new Worker(__filename));
    await Promise.all(threads.map((thread) => take((chunk) => workOn(thread, chunk))));
    await Promise.all(threads.map((thread) => thread.terminate()));
  } else {
    await take(work);
  }
  if (options.json) {
    const described = await Promise.all(violations.map(describeFound));
    print(JSON.stringify({ tally: Object.fromEntries(tally), violations: described }, null, 2));
    return violations.length > 0 ? 1 : 0;
  }
  print(progress(tally, performance.now() - started));
  for (const [name, count] of [...tally].sort()) print(`  ${name}: ${count}`);
  print(`violations: ${violations.length}`);
  for (const found of violations) print(await describeFound(found));
  return violations.length > 0 ? 1 : 0;
}

function progress(tally: Tally, ms: number): string {
  const schedules = tally.get('schedules') ?? 0;
  const { user, system } = process.cpuUsage();
  const each = ((user + system) / 1000 / schedules).toFixed(1);
  return `${schedules} schedules in ${(ms / 1000).toFixed(0)} s, ${each} ms of CPU each`;
}

async function workOn(thread: Worker, chunk: Chunk): Promise<Result> {
  thread.postMessage(chunk);
  // the thread posts its result, below
  const [result] = (await once(thread, 'message')) as [Result];
  return result;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

if (isMainThread) {
  runCommand(COMMAND, main);
} else {
  parentPort?.on('message', (chunk: Chunk) => {
    void work(chunk).then((result) => parentPort?.postMessage(result));
  });
}
