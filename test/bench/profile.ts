import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { root } from '../../scripts/start/project.mjs';
import { startSystem } from '../harness/system';
import { UsageError } from '../../scripts/start/command-line.mjs';
import { closedLoop, warmUp } from './closed-loop';
import { type Cpu, cpuBetween, sum } from './cpu';
import { LoadProcess } from './edge/load-process';
import { Ours } from './ours';

/** The file that --cpu-prof writes. */
const Profile = z.object({
  nodes: z.array(
    z.object({
      id: z.int(),
      callFrame: z.object({ functionName: z.string(), url: z.string(), lineNumber: z.int() }),
    }),
  ),
  /** Microseconds of the machine's monotonic clock, like process.hrtime. */
  startTime: z.number(),
  samples: z.array(z.int()),
  timeDeltas: z.array(z.number()),
});
export type Profile = z.infer<typeof Profile>;

/** A kind of load: the number of requests, how many are in flight, and how they are sent. */
interface Work {
  readonly count: number;
  readonly inFlight: number;
  readonly do: (variant: Ours, count: number, inFlight: number) => Promise<Cpu>;
}

const WORK: Readonly<Record<string, Work>> = {
  orders: {
    ...{ count: 400, inFlight: 8 },
    do: async (variant, count, inFlight) => (await closedLoop(variant, count, inFlight)).cpu,
  },
  reads: { count: 10_000, inFlight: 16, do: readProducts },
};
const TOP = 40;

/** Shows where a service spends its CPU under load: `npm run bench -- profile gateway reads [count]`. */
export async function profile([service = 'order', kind = 'orders', count]: string[]) {
  const work = WORK[kind];
  if (work === undefined)
    throw new UsageError(`There is no load "${kind}": choose from ${Object.keys(WORK).join(', ')}`);
  const times = Number(count ?? work.count);
  const folder = mkdtempSync(join(tmpdir(), 'omnichannel-profile-'));
  const env = { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${folder}` };
  const variant = new Ours('ours', () => startSystem({ env }));
  try {
    await variant.start();
    const pid = variant.system.app(service).service?.pid;
    await warmUp(variant, 100);
    await work.do(variant, Math.ceil(times / 4), work.inFlight);
    const from = microseconds();
    const cpu = await work.do(variant, times, work.inFlight);
    const to = microseconds();
    // each process writes its profile at its end
    await variant.stop();
    const self = selfTimes(readProfile(folder, pid), from, to);
    const perTime = (entries: Iterable<[string, number]>) =>
      table([...entries].map(([name, ms]) => [name, ms / times]));
    console.log(`${times} ${kind}, ${work.inFlight} in flight. CPU in ms per request, by process:`);
    console.log(perTime([['all', sum(cpu)], ...Object.entries(cpu)]));
    console.log(`\n${service}, self time in ms per request, by package:`);
    console.log(perTime(byPackage(self)));
    console.log(`\n${service}, self time in ms per request, by function:`);
    console.log(perTime(self));
  } finally {
    await variant.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Reads products at the edge, from another process. */
async function readProducts(variant: Ours, requests: number, inFlight: number): Promise<Cpu> {
  const { url } = variant.system.app('gateway');
  const each = variant.shop.products.map((productId) => {
    const path = `/api/v1/products/${productId}`;
    return { method: 'GET' as const, path, headers: {}, status: 200 };
  });
  const load = new LoadProcess();
  try {
    const before = variant.cpu();
    await load.send({ url, requests, inFlight, each });
    return cpuBetween(before, variant.cpu());
  } finally {
    load.stop();
  }
}

const microseconds = () => Number(process.hrtime.bigint() / 1000n);

/** The profile of a process: its name is CPU.<date>.<time>.<pid>.<thread>.<number>.cpuprofile. */
function readProfile(folder: string, pid: number | undefined): Profile {
  const name = readdirSync(folder).find((file) => file.split('.')[3] === String(pid));
  if (name === undefined) throw new Error(`process ${pid} has written no profile`);
  return Profile.parse(JSON.parse(readFileSync(join(folder, name), 'utf8')));
}

/** Milliseconds of self time of each function within an interval, without idle time. */
export function selfTimes(profile: Profile, from: number, to: number): Map<string, number> {
  const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const times = new Map<string, number>();
  let at = profile.startTime;
  for (const [index, node] of profile.samples.entries()) {
    const delta = profile.timeDeltas[index] ?? 0;
    at += delta;
    const name = names.get(node) ?? '';
    if (at < from || at > to || name === '(idle)') continue;
    times.set(name, (times.get(name) ?? 0) + delta / 1000);
  }
  return times;
}

function nameOf({ functionName, url, lineNumber }: Profile['nodes'][number]['callFrame']): string {
  if (url === '') return functionName;
  const file = url.startsWith('file:') ? relative(root, fileURLToPath(url)) : url;
  return `${functionName || 'anonymous'} ${file}:${lineNumber + 1}`;
}

/** The times of functions added up by their package, folder or part of Node. */
export function byPackage(self: ReadonlyMap<string, number>): Map<string, number> {
  const times = new Map<string, number>();
  for (const [name, ms] of self) {
    const file = name.split(' ').at(-1) ?? '';
    const whole =
      /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ??
      /^dist\/((?:services\/)?[^/]+)/.exec(file)?.[1] ??
      /^node:[^/:]+/.exec(file)?.[0] ??
      name;
    times.set(whole, (times.get(whole) ?? 0) + ms);
  }
  return times;
}

function table(rows: [string, number][]): string {
  return rows
    .sort(([, left], [, right]) => right - left)
    .slice(0, TOP)
    .map(([name, ms]) => `${ms.toFixed(3).padStart(9)}  ${name}`)
    .join('\n');
}
