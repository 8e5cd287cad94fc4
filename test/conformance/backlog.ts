import type { CloudEvent } from '#kit/messages/cloud-event';
import type { Sidecar } from '#kit/transport/sidecar';
import { cpuOf, sum } from '../bench/cpu';
import type { ServerKind } from '../harness/resources';
import { until } from '../harness/until';
import type { Behaviour } from './behaviour';
import { PILED } from './ledger';
import { type Memory, memoryOf } from './memory';
import { BacklogTask } from './services';
import { AMPLE_MS, type BrokerFixture } from './broker-fixture';

/** The publishes of one sidecar that run concurrently. */
const AT_ONCE = 2;
const TOGETHER = 100;
const TENTHS = 10;
/** The cost of an event in the last tenth relative to the first one, at most; tenths of a short run are short. */
const flat = (size: number) => (size < 50_000 ? 2 : 1.5);

/**
 * MB that the memory of a process may grow. None may grow with the backlog, except a broker that keeps it in
 * memory. A sidecar has some dozens of events in flight, and Go lets its heap double before it collects
 * garbage. V8 lets the heap of a service, which is small, grow several times over.
 */
const MORE_MB = { 'publisher-sidecar': 128, 'watcher-sidecar': 128, watcher: 256 };
/** The same of a broker, for a backlog of this number of events. */
const BROKER_MORE_MB: Partial<Record<ServerKind, (events: number) => number>> = {
  // all events, at two KB each
  redis: (events) => 64 + events / 512,
  // a large queue keeps its messages on disk, and their index in memory
  rabbitmq: (events) => 128 + events / 1024,
  // the limit of its heap: -Xmx512m in scripts/start/servers/kafka.mjs
  kafka: () => 512,
};
/** What the second half of a backlog may add to the memory of the first half. */
const STILL_MB = 64;

/** The roles of the processes; any other one is the broker. */
const ROLES: Readonly<Record<string, string>> = {
  'publisher-sidecar': "publisher's sidecar",
  watcher: 'consumer',
  'watcher-sidecar': "consumer's sidecar",
};

export const backlog: Behaviour<BrokerFixture> = {
  name: 'a backlog is drained at a constant cost per event and in bounded memory',
  holds: {
    lost: 0,
    'cost per event is constant': true,
    'processes over their memory limit': 'none',
    'processes whose memory keeps growing': 'none',
  },
  observe: async (broker, { backlog: size }) => {
    const before = memoryOf(groups(broker));
    const consumer = broker.system.app('watcher');
    await Promise.all(consumer.processes.map((process) => process.stop()));
    const begunAt = performance.now();
    await publishBacklog(broker, size);
    const publishingTook = performance.now() - begunAt;
    consumer.start();
    const { handled, took, marks, peaks } = await drained(broker, size);

    const cost = (from = marks[0], to = marks[1]) =>
      ((to?.cpu ?? 0) - (from?.cpu ?? 0)) / Math.max(1, (to?.handled ?? 0) - (from?.handled ?? 0));
    const first = cost(marks[0], marks[1]);
    const last = cost(marks.at(-2), marks.at(-1));
    const [half, all] = peaks;
    const more = Object.entries(all).map(([name, mb]) => [name, mb - (before[name] ?? 0)] as const);
    const still = Object.entries(all).map(([name, mb]) => [name, mb - (half[name] ?? 0)] as const);
    return {
      facts: {
        lost: Math.max(0, size - handled),
        'cost per event is constant': last < flat(size) * first,
        'processes over their memory limit': names(more, boundsOf(broker, size)),
        'processes whose memory keeps growing': names(still, () => STILL_MB),
      },
      figures: {
        'events in the backlog': String(size),
        'CPU per event in the first tenth of the backlog': `${first.toFixed(2)} ms`,
        'CPU per event in the last tenth of the backlog': `${last.toFixed(2)} ms`,
        'events published per second': ((1000 * size) / publishingTook).toFixed(0),
        'events of the backlog handled per second': ((1000 * size) / took).toFixed(0),
        ...Object.fromEntries(
          Object.entries(all).map(([name, mb]) => [
            `peak memory of the ${ROLES[name] ?? 'broker'} (before)`,
            `${mb.toFixed(0)} MB (${before[name]?.toFixed(0)} MB)`,
          ]),
        ),
      },
    };
  },
};

async function publishBacklog(broker: BrokerFixture, size: number): Promise<void> {
  let next = 0;
  const publish = async (sidecar: Sidecar) => {
    while (next < size) {
      const from = next;
      next = Math.min(size, next + TOGETHER);
      const events = Array.from({ length: next - from }, (_, at) =>
        broker.event(
          `${PILED}${(from + at) % 1_000}`,
          { n: from + at },
          { type: BacklogTask.type },
        ),
      );
      await publishWithRetries(sidecar, events);
    }
  };
  const publishers = broker.publishers.flatMap((sidecar) => Array<Sidecar>(AT_ONCE).fill(sidecar));
  await Promise.all(publishers.map(publish));
}

async function publishWithRetries(sidecar: Sidecar, events: readonly CloudEvent[]): Promise<void> {
  const publishAll = async () => {
    await sidecar.publishAll(events, 4 * 5_000);
    return true;
  };
  await until(`${events.length} events to be published`, publishAll, AMPLE_MS);
}

/** Waits until the backlog is drained; returns the CPU at each tenth and the peak memory of each half. */
async function drained(broker: BrokerFixture, size: number) {
  const handled = () => broker.ledger.piled.size;
  const cpu = () => sum(cpuOf(groups(broker)));
  const marks: { handled: number; cpu: number }[] = [];
  const halves: [Memory[], Memory[]] = [[], []];
  const begun = performance.now();
  await until(
    `${size} of the backlog`,
    () => {
      const now = handled();
      halves[now < size / 2 ? 0 : 1].push(memoryOf(groups(broker)));
      // the first tenth begins when the subscriber works, not with its start
      const at = marks.length === 0 ? 1 : (marks.length / TENTHS) * size;
      if (now >= at) marks.push({ handled: now, cpu: cpu() });
      return now >= size;
    },
    AMPLE_MS + size * 20,
  ).catch(() => {});
  const [first, second] = halves;
  return {
    ...{ handled: handled(), took: performance.now() - begun, marks },
    peaks: [peakOf(first), peakOf([...first, ...second])] as const,
  };
}

function peakOf(samples: readonly Memory[]): Memory {
  const most: Record<string, number> = {};
  for (const sample of samples) {
    for (const [name, mb] of Object.entries(sample)) most[name] = Math.max(most[name] ?? 0, mb);
  }
  return most;
}

function boundsOf({ system: { broker } }: BrokerFixture, size: number): (name: string) => number {
  const bounds: Record<string, number> = {
    ...MORE_MB,
    [broker.process.name]: BROKER_MORE_MB[broker.name]?.(size) ?? 0,
  };
  return (name) => bounds[name] ?? 0;
}

/** The processes above their memory limit, with their memory. */
function names(
  processes: readonly (readonly [name: string, mb: number])[],
  bound: (name: string) => number,
): string {
  const over = processes.filter(([name, mb]) => mb > bound(name));
  return over.map(([name, mb]) => `${name} ${mb.toFixed(0)} MB`).join(', ') || 'none';
}

/** The process groups that take part in the drain. */
function groups({ system }: BrokerFixture): Record<string, number | undefined> {
  const processes = [
    ...[system.broker.process, system.app('publisher').sidecar],
    ...system.app('watcher').processes,
  ];
  return Object.fromEntries(processes.map(({ name, pid }) => [name, pid]));
}
