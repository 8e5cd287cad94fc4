import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { Worker, isMainThread, parentPort } from 'node:worker_threads';
import { type Found, type Tally, addTo, search, tell } from './campaign';

// npm run simulate:faults -- --seed 1 --runs 100000: so many schedules, each of them another mix of
// orders, faults and delays. Exit code 1 where one of them violates an invariant.

const HELP = `npm run simulate:faults -- [options]
  --seed N      the first seed; 1 by default
  --runs M      how many schedules; 10000 by default
  --workers W   threads that share the work; 1 by default
  --plant NAME  with a bug, to see it found
  --path P      one schedule of the seed, as it was told when it failed`;

/** Schedules of one seed; then the next seed follows. The same for any number of workers. */
const RUNS_PER_SEED = 2_000;
const PROGRESS_MS = 5_000;

interface Chunk {
  seed: number;
  runs: number;
  plant?: string | undefined;
  path?: string | undefined;
}
interface Done {
  tally: [string, number][];
  found?: Found | undefined;
}

async function work(chunk: Chunk): Promise<Done> {
  const tally: Tally = new Map();
  const found = await search({ ...chunk, tally });
  return { tally: [...tally], found };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      runs: { type: 'string', default: '10000' },
      workers: { type: 'string', default: '1' },
      plant: { type: 'string' },
      path: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${HELP}\n`);
    return;
  }
  const { plant, path } = values;
  const seed = Number(values.seed);
  const runs = path === undefined ? Number(values.runs) : 1;
  const chunks: Chunk[] = [];
  for (let first = 0; first < runs; first += RUNS_PER_SEED) {
    const of = { seed: seed + chunks.length, runs: Math.min(RUNS_PER_SEED, runs - first) };
    chunks.push({ ...of, plant, path });
  }
  const tally: Tally = new Map();
  const started = performance.now();
  let told = started;
  const violations: Found[] = [];
  const take = async (run: (chunk: Chunk) => Promise<Done>) => {
    for (let chunk = chunks.shift(); chunk !== undefined; chunk = chunks.shift()) {
      const { tally: counts, found } = await run(chunk);
      addTo(tally, counts);
      if (found !== undefined) {
        violations.push(found);
        chunks.length = 0;
      }
      if (performance.now() - told < PROGRESS_MS) continue;
      told = performance.now();
      say(`${progress(tally, told - started)} of ${runs}`);
    }
  };
  const workers = Number(values.workers);
  if (workers > 1) {
    const threads = Array.from({ length: workers }, () => new Worker(__filename));
    await Promise.all(threads.map((thread) => take((chunk) => ask(thread, chunk))));
    await Promise.all(threads.map((thread) => thread.terminate()));
  } else {
    await take(work);
  }
  say(progress(tally, performance.now() - started));
  for (const [name, count] of [...tally].sort()) say(`  ${name}: ${count}`);
  say(`violations: ${violations.length}`);
  for (const found of violations) say(await tell(found));
  if (violations.length > 0) process.exitCode = 1;
}

function progress(tally: Tally, ms: number): string {
  const schedules = tally.get('schedules') ?? 0;
  const { user, system } = process.cpuUsage();
  const each = ((user + system) / 1000 / schedules).toFixed(1);
  return `${schedules} schedules in ${(ms / 1000).toFixed(0)} s, ${each} ms of CPU each`;
}

async function ask(thread: Worker, chunk: Chunk): Promise<Done> {
  thread.postMessage(chunk);
  // what the thread posts, below
  const [done] = (await once(thread, 'message')) as [Done];
  return done;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

if (isMainThread) {
  void main();
} else {
  parentPort?.on('message', (chunk: Chunk) => {
    void work(chunk).then((done) => parentPort?.postMessage(done));
  });
}
