import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { type RunningService, start } from '#kit/boot/run';
import { unavailable } from '#kit/core/errors';
import { defineEvent } from '#kit/messages/contract';
import { Service } from '#kit/service/service';
import type { RunningSystem } from '../harness/running-system';
import { startSidecars } from '../harness/sidecars';
import { figure, table } from './markdown';
import { type Effort, part } from './part';
import { percentile } from './statistics';

const EVENTS: Readonly<Record<Effort, number>> = { full: 100_000, quick: 2_000 };
const EVENTS_PER_SUBJECT = 2;
/** As many as a sidecar passes to a service concurrently. */
const CONCURRENCY = 32;
/** New events while nothing is parked, and the least during the drain. */
const NEW_EVENTS = 400;
const NEW_EVENT_MS = 25;
/** The text of an event: with its attributes it has about 1 kB. */
const TEXT = 'x'.repeat(500);

const Memory = z.object({ heapMb: z.number(), residentMb: z.number(), storeMb: z.number() });
type Memory = z.infer<typeof Memory>;

const ParkedResult = z.object({
  events: z.int(),
  parkedPerSecond: z.number(),
  drainedPerSecond: z.number(),
  before: Memory,
  parked: Memory,
  after: Memory,
  /** Milliseconds until a new event is acknowledged: without parked events, and while they are handled. */
  quietP95: z.number(),
  drainP95: z.number(),
});

const Made = defineEvent('Made', {
  type: 'order.created',
  description: 'A thing was made.',
  data: z.object({ id: z.string(), text: z.string() }),
  subject: ({ id }) => id,
});

/** A service whose handler needs something that can be unavailable, with its sidecar and documents. */
class Bench {
  private constructor(
    private readonly system: RunningSystem,
    private readonly running: RunningService,
    readonly dependency: { isDown: boolean },
  ) {}

  static async open(): Promise<Bench> {
    const service = new Service('order', { stores: { counts: z.object({ count: z.int() }) } });
    const dependency = { isDown: false };
    service.on(Made, async ({ id }, { counts }) => {
      if (dependency.isDown) throw unavailable('down');
      await counts.update(id, (now) => ({ count: (now?.count ?? 0) + 1 }));
    });
    const env = { LOG_LEVEL: 'error' };
    const system = await startSidecars([{ appId: 'order' }], { env });
    const unsigned = { EVENT_SIGNATURES: 'optional' };
    const running = await start(service, { ...system.app('order').env, ...env, ...unsigned });
    return new Bench(system, running, dependency);
  }

  async close(): Promise<void> {
    await this.running.stop();
    await this.system.stop();
  }

  /** Delivers an event until it is acknowledged; returns how long that took, in milliseconds. */
  async deliver(id: string, subject: string): Promise<number> {
    const begun = performance.now();
    const event = {
      ...{ specversion: '1.0', id, type: Made.type, source: 'order', subject, sequence: 1 },
      ...{ time: new Date().toISOString(), eventversion: 1, tenantid: 'default' },
      ...{ correlationid: id, data: { id: subject, text: TEXT } },
    };
    while ((await this.running.runtime.deliver(event, Made.type)) !== 'SUCCESS') await sleep(100);
    return performance.now() - begun;
  }

  /** Delivers new events at a steady rate, the least number of them and while this holds. */
  async newEvents(name: string, goesOn: () => boolean): Promise<number[]> {
    const deliveries: Promise<number>[] = [];
    for (let n = 0; n < NEW_EVENTS || goesOn(); n++) {
      const id = `${name}-${n}`;
      deliveries.push(this.deliver(id, id));
      await sleep(NEW_EVENT_MS);
    }
    return Promise.all(deliveries);
  }

  async parkedEvents(): Promise<number> {
    const waiting = await this.running.runtime.parkedEvents.waiting();
    return waiting.reduce((sum, { events }) => sum + Math.max(1, events), 0);
  }

  memory(): Memory {
    globalThis.gc?.();
    const folder = join(this.system.folder, 'data');
    const files = readdirSync(folder).filter((name) => name.startsWith('order'));
    const bytes = files.map((name) => statSync(join(folder, name)).size);
    const { heapUsed, rss } = process.memoryUsage();
    return {
      heapMb: heapUsed / 1e6,
      residentMb: rss / 1e6,
      storeMb: bytes.reduce((sum, size) => sum + size, 0) / 1e6,
    };
  }
}

export const parked = part({
  title: 'Parked events',
  result: ParkedResult,
  run: async (effort, log) => {
    const events = EVENTS[effort];
    const bench = await Bench.open();
    try {
      const quiet = await bench.newEvents('quiet', () => false);
      const before = bench.memory();
      bench.dependency.isDown = true;
      const parkedPerSecond = await park(bench, events, log);
      const parked = bench.memory();
      log(`parked: handling ${events} events`);
      bench.dependency.isDown = false;
      const begun = performance.now();
      let left = await bench.parkedEvents();
      const draining = bench.newEvents('drain', () => left > 0);
      while (left > 0) {
        await sleep(500);
        left = await bench.parkedEvents();
      }
      const drainedPerSecond = events / ((performance.now() - begun) / 1000);
      const during = await draining;
      const after = bench.memory();
      const quietP95 = percentile(quiet, 0.95);
      const drainP95 = percentile(during, 0.95);
      return {
        ...{ events, parkedPerSecond, drainedPerSecond, quietP95, drainP95 },
        ...{ before, parked, after },
      };
    } finally {
      await bench.close();
    }
  },
  report: ({ events, before, parked, after, ...result }) => [
    `${events} events of about 1 kB, ${EVENTS_PER_SUBJECT} of each subject, are parked by one process while a`,
    'dependency is unavailable, and then handled. Documents are in SQLite. New events of other subjects arrive',
    `meanwhile, ${1000 / NEW_EVENT_MS} in a second.`,
    '',
    ...table(
      ['', 'heap in MB', 'resident MB', 'documents in MB'],
      [
        ['before', before] as const,
        [`with ${events} parked events`, parked] as const,
        ['when all are handled', after] as const,
      ].map(([when, { heapMb, residentMb, storeMb }]) => [
        when,
        ...[heapMb, residentMb, storeMb].map(figure),
      ]),
    ),
    '',
    ...table(
      ['figure', 'measured'],
      [
        ['events parked per second', figure(result.parkedPerSecond)],
        ['parked events handled per second', figure(result.drainedPerSecond)],
        ['a new event is handled within (p95)', `${figure(result.quietP95)} ms`],
        ['the same while parked events are handled', `${figure(result.drainP95)} ms`],
        ['ratio', figure(result.drainP95 / result.quietP95)],
      ],
    ),
  ],
  aims: ({ events, before, parked, quietP95, drainP95 }) => {
    const heap = parked.heapMb - before.heapMb;
    return [
      {
        aim: 'parked events take less than 10 MB of the heap, however many they are',
        measured: `${figure(Math.max(0, heap))} MB with ${events}`,
        met: heap < 10,
      },
      {
        aim: 'new events are handled within 100 ms (p95) while parked events are handled',
        measured: `${figure(drainP95)} ms, ${figure(drainP95 / quietP95)} times that without`,
        met: drainP95 < 100,
      },
    ];
  },
});

/** Parks events; returns how many in a second. */
async function park(bench: Bench, events: number, log: (line: string) => void): Promise<number> {
  const begun = performance.now();
  let next = 0;
  const deliverNext = async () => {
    while (next < events) {
      const n = next++;
      if (n % 10_000 === 0) log(`parked: ${n} of ${events}`);
      await bench.deliver(`parked-${n}`, `subject-${Math.floor(n / EVENTS_PER_SUBJECT)}`);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, deliverNext));
  return events / ((performance.now() - begun) / 1000);
}
