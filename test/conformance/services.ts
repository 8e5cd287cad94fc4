import { createHash } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { EventMeta } from '#kit/messages/cloud-event';
import { defineEvent, defineRequest } from '#kit/messages/contract';
import { refused, unavailable } from '#kit/core/errors';
import { type ContextOf, Service } from '#kit/service/service';
import { note } from './ledger';

const MANY = 1_000_000;

/** Whoever hears it does with it what it says. */
const Data = z.object({
  key: z.string().describe('The document that it changes.'),
  n: z.int().default(1),
  ms: z.int().default(0).describe('How long its handler takes.'),
  slowTimes: z.int().default(MANY).describe('How often it does, and then no longer.'),
  fails: z.int().default(0).describe('How often one process fails on it before it does it.'),
  whileClosed: z
    .enum(['refuse', 'fail', 'do'])
    .default('do')
    .describe('What becomes of it until the test has mended what is broken: see Stage.open.'),
  text: z.string().default(''),
});

const shape = { data: Data, subject: ({ key }: z.output<typeof Data>) => key };

export const Task = defineEvent('Said', {
  ...{ type: 'conformance.said', description: 'Heard by two services.', ...shape },
});
/** Said before its hearer has run for the first time: to one of the system, whom the broker expects. */
export const EarlyTask = defineEvent('Early', {
  ...{ type: 'order.confirmed', description: 'Heard by one that comes late.', ...shape },
});
/** The same, of a service that nobody has told the broker of. */
export const UndeclaredTask = defineEvent('Unforeseen', {
  ...{ type: 'conformance.unforeseen', description: 'Heard by one that comes late.', ...shape },
});

/** Said while its hearer is away. */
export const BacklogTask = defineEvent('Piled', {
  ...{ type: 'conformance.piled', description: 'Heard by one, in great numbers.', ...shape },
});

/** Said by the hundred, and heard many at a time. */
export const BatchedTask = defineEvent('Batched', {
  ...{ type: 'conformance.batched', description: 'Heard in batches.', ...shape },
});
export const BATCH = { maxEvents: 50, maxWaitMs: 200 };

/** What the worker is asked over the bus; it does with it what it says, as with an event. */
export const TaskRequest = defineRequest('Asked', {
  ...{ type: 'conformance.asked', description: 'Answered by one service.', ...shape },
  reply: z.object({ key: z.string(), n: z.int() }),
});

const Old = z.object({ key: z.string(), pieces: z.int() });
const New = z.object({ key: z.string(), available: z.int(), reserved: z.int() });
const counted = {
  ...{ type: 'conformance.counted', description: 'Heard by the old code and by the new.' },
  subject: ({ key }: { key: string }) => key,
};
const upcast = (data: unknown) => {
  const { key, pieces } = Old.parse(data);
  return { key, available: pieces, reserved: 0 };
};
const newer = { ...counted, version: 2, earlierVersions: [{ version: 1, data: Old, upcast }] };
/** One event as the old code has it, as the new has it, and as the new has it for both. */
export const CountedOld = defineEvent('Counted', { ...counted, data: Old });
export const Counted = defineEvent('Counted', { ...newer, data: New });
export const CountedForBoth = defineEvent('Counted', {
  ...{ ...newer, minVersion: 1 },
  data: New.extend({ pieces: z.int() }),
});

/** Says and asks what a test wants; it runs inside of the test. */
export const publisher = new Service('mouth', {
  publishes: [CountedOld, Counted, CountedForBoth],
  requests: [TaskRequest],
  // ample where it is answered; where it is not, a behaviour says how long it waits
  callTimeouts: { [TaskRequest.type]: 30_000 },
});
export type PublisherContext = ContextOf<typeof publisher>;

/** What the worker has done about one key. */
const Tally = z.object({ key: z.string(), count: z.int(), newest: z.int() });

export const worker = new Service('worker', { stores: { tallies: Tally } });
export type WorkerContext = ContextOf<typeof worker>;

/** Of this process, by the event's id. */
const failures = new Map<string, number>();

/** Where the test, and all processes of a service, leave word for each other. */
const inFolder = (name: string) => join(process.env['WORD_FOLDER'] ?? '', name);

async function work(
  data: z.output<typeof Data>,
  { tallies, callContext }: WorkerContext,
  meta: EventMeta,
): Promise<{ key: string; n: number }> {
  const { key, n, ms, slowTimes, fails, whileClosed, text } = data;
  const about = { id: meta.id, key, n };
  const bytes = Buffer.byteLength(text);
  note('begun', { ...about, bytes, hash: hashOf(text), trace: callContext.traceparent });
  const failed = failures.get(meta.id) ?? 0;
  if (failed < fails) {
    failures.set(meta.id, failed + 1);
    throw unavailable('as it was told to');
  }
  if (whileClosed !== 'do' && !existsSync(inFolder(key))) {
    if (whileClosed === 'refuse') throw refused('closed', 'it is closed');
    throw unavailable('it is closed');
  }
  if (ms > 0 && isSlow(meta.id, slowTimes)) await sleep(ms);
  await tallies.update(key, (now) => ({
    ...{ key, count: (now?.count ?? 0) + 1, newest: Math.max(now?.newest ?? 0, n) },
  }));
  note('done', about);
  return { key, n };
}

/** Whether this is one of the first so many times that an event is worked on, in whatever process. */
function isSlow(id: string, times: number): boolean {
  for (let time = 0; time < times; time++) {
    try {
      writeFileSync(inFolder(`${id}-${time}`), '', { flag: 'wx' });
      return true;
    } catch {
      // that time is taken
    }
  }
  return false;
}

worker.on(Task, work);
worker.on(BatchedTask, work, BATCH);
worker.onRequest(TaskRequest, work);

export const watcher = new Service('watcher', {});
for (const contract of [Task, BacklogTask]) {
  watcher.on(contract, async ({ key, n }, _, { id }) => {
    note('done', { id, key, n });
  });
}

/** The old code beside the new: each notes what it makes of an event. */
worker.on(CountedOld, async (data, _, { id }) => {
  note('done', { id, key: data.key, n: 1, made: JSON.stringify(data) });
});
watcher.on(Counted, async (data, _, { id }) => {
  note('done', { id, key: data.key, n: 2, made: JSON.stringify(data) });
});

/** In the place of a service of the system. */
export const latecomer = new Service('notification', {});
for (const contract of [EarlyTask, UndeclaredTask]) {
  latecomer.on(contract, async ({ key, n }, _, { id }) => {
    note('done', { id, key, n });
  });
}

export const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');
