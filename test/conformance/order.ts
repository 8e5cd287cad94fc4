import { readFileSync, readdirSync } from 'node:fs';
import type { CloudEvent } from '#kit/cloud-event';
import { cpuOf, sum } from '../bench/cpu';
import { until } from '../harness/until';
import type { Behaviour } from './behaviour';
import { type Entry, PILED } from './ledger';
import { Load } from './load';
import { Piled } from './services';
import { AMPLE_MS, type Stage } from './stage';

export const order: Behaviour = {
  name: 'whatever order events come in, the state that results is right',
  holds: { 'state of one replica': 'right', 'state of three replicas': 'right' },
  observe: async (stage, { load: size }) => {
    await Promise.all(stage.world.app('worker-2').processes.map((process) => process.stop()));
    const one = await ordered(stage, 'order-one', size);
    const more = ['worker-2', 'worker-3'].map((name) => stage.world.app(name));
    for (const app of more) app.start();
    await Promise.all(more.map((app) => app.ready()));
    const three = await ordered(stage, 'order-three', size);
    await Promise.all(stage.world.app('worker-3').processes.map((process) => process.stop()));
    return {
      facts: { 'state of one replica': one.state, 'state of three replicas': three.state },
      figures: {
        'inversions with one': `${one.inversions.toFixed(0)} per 1000`,
        'with three': `${three.inversions.toFixed(0)} per 1000`,
      },
    };
  },
};

async function ordered(stage: Stage, prefix: string, size: number) {
  const load = new Load(stage, prefix);
  await load.reached(size);
  const { lost, doubled } = await load.ended();
  let wrong = lost + doubled;
  const newest = new Map<string, number>();
  for (const { subject, sequence } of load.said) {
    newest.set(subject, Math.max(newest.get(subject) ?? 0, sequence));
  }
  for (const [key, n] of newest) if ((await stage.tally(key))?.newest !== n) wrong++;
  const begun = stage.ledger.of('worker', 'begun').filter(({ key }) => newest.has(key));
  return {
    state: wrong === 0 ? 'right' : 'wrong',
    inversions: (1000 * inversions(begun)) / load.said.length,
  };
}

/** How many events began after a later one of their key. */
export function inversions(begun: readonly Pick<Entry, 'id' | 'key' | 'n'>[]): number {
  const seen = new Set<string>();
  const latest = new Map<string, number>();
  let inverted = 0;
  for (const { id, key, n } of begun) {
    if (seen.has(id)) continue;
    seen.add(id);
    const before = latest.get(key) ?? -1;
    if (n < before) inverted++;
    latest.set(key, Math.max(before, n));
  }
  return inverted;
}

const AT_ONCE = 32;
const TENTHS = 10;
/** What the last tenth may cost of the first: a test is short, and shares its machine. */
const FLAT = 2;
/** Of all processes together, over what they had before the backlog. */
const MEMORY_MB = 1_500;

export const backlog: Behaviour = {
  name: 'a backlog is drained at the same cost per event from its beginning to its end, in bounded memory',
  holds: { lost: 0, 'cost is flat': true, 'memory is bounded': true },
  observe: async (stage, { backlog: size }) => {
    const consumer = stage.world.app('watcher');
    await Promise.all(consumer.processes.map((process) => process.stop()));
    const waiting = Array.from(
      { length: size },
      (_, n) => () => stage.event(`${PILED}${n % 1_000}`, { n }, { type: Piled.type }),
    );
    const speak = async () => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        await persistently(stage, next());
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, speak));

    const pids = () => groups(stage);
    const rss = memory(pids());
    let most = rss;
    consumer.start();
    const handled = () => stage.ledger.piled.size;
    const marks: { handled: number; cpu: number }[] = [];
    const begun = performance.now();
    await until(
      `${size} of the backlog`,
      () => {
        most = Math.max(most, memory(pids()));
        const now = handled();
        if (now >= (marks.length / TENTHS) * size) marks.push({ handled: now, cpu: cpu(stage) });
        return now >= size;
      },
      AMPLE_MS + size * 20,
    ).catch(() => {});
    const took = performance.now() - begun;
    marks.push({ handled: handled(), cpu: cpu(stage) });
    const cost = (from = marks[0], to = marks[1]) =>
      ((to?.cpu ?? 0) - (from?.cpu ?? 0)) / Math.max(1, (to?.handled ?? 0) - (from?.handled ?? 0));
    // the first holds the start of the processes too
    const first = cost(marks[1], marks[2]);
    const last = cost(marks.at(-3), marks.at(-1));
    return {
      facts: {
        lost: Math.max(0, size - handled()),
        'cost is flat': last < FLAT * first,
        'memory is bounded': most - rss < MEMORY_MB,
      },
      figures: {
        events: String(size),
        'CPU of an event at first': `${first.toFixed(2)} ms`,
        'at last': `${last.toFixed(2)} ms`,
        rate: `${((1000 * size) / took).toFixed(0)} per second`,
        'memory grew by': `${(most - rss).toFixed(0)} MB`,
      },
    };
  },
};

async function persistently(stage: Stage, event: CloudEvent): Promise<void> {
  await until(
    `${event.id} to be said`,
    async () => {
      await stage.say(event);
      return true;
    },
    AMPLE_MS,
  );
}

/** The process groups of all that works for the drained events. */
function groups({ world }: Stage): Record<string, number | undefined> {
  const processes = [world.broker.process, ...world.app('watcher').processes];
  return Object.fromEntries(processes.map(({ name, pid }) => [name, pid]));
}

const cpu = (stage: Stage) => sum(cpuOf(groups(stage)));

/** The resident memory of process groups, in MB. */
function memory(groups: Record<string, number | undefined>): number {
  const wanted = new Set(Object.values(groups));
  let pages = 0;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (wanted.has(Number(fields[2]))) pages += Number(fields[21]);
    } catch {
      // it has ended meanwhile
    }
  }
  return (pages * 4096) / 2 ** 20;
}
