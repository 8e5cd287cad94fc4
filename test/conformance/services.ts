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

/** The data of an event decides what its handler does. */
const Data = z.object({
  key: z.string().describe('The document that it changes.'),
  n: z.int().default(1),
  ms: z.int().default(0).describe('How long its handler takes.'),
  slowTimes: z.int().default(MANY).describe('How many times it takes that long.'),
  fails: z.int().default(0).describe('How many times a process fails to handle it first.'),
  whileClosed: z
    .enum(['refuse', 'fail', 'do'])
    .default('do')
    .describe('The outcome until the test calls BrokerFixture.open for its key.'),
  text: z.string().default(''),
});

const shape = { data: Data, subject: ({ key }: z.output<typeof Data>) => key };

export const Task = defineEvent('Said', {
  type: 'conformance.said',
  description: 'Handled by two services.',
  ...shape,
});
/** Published before its subscriber runs for the first time. The broker has its subscription from the components. */
export const EarlyTask = defineEvent('Early', {
  type: 'order.confirmed',
  description: 'Handled by a service that starts later.',
  ...shape,
});
/** The same for a subscription that is in no component. */
export const UndeclaredTask = defineEvent('Unforeseen', {
  type: 'conformance.unforeseen',
  description: 'Handled by a service that starts later.',
  ...shape,
});

/** Published while its subscriber is down. */
export const BacklogTask = defineEvent('Piled', {
  type: 'conformance.piled',
  description: 'Handled by one service, in great numbers.',
  ...shape,
});

/** Published by the hundred, and handled in batches. */
export const BatchedTask = defineEvent('Batched', {
  type: 'conformance.batched',
  description: 'Handled in batches.',
  ...shape,
});
export const BATCH = { maxEvents: 50, maxWaitMs: 200 };

/** A request to the worker, which handles it like an event. */
export const TaskRequest = defineRequest('Asked', {
  type: 'conformance.asked',
  description: 'Answered by one service.',
  ...shape,
  reply: z.object({ key: z.string(), n: z.int() }),
});

const Old = z.object({ key: z.string(), pieces: z.int() });
const New = z.object({ key: z.string(), available: z.int(), reserved: z.int() });
const counted = {
  ...{ type: 'conformance.counted', description: 'Handled by the old code and by the new.' },
  subject: ({ key }: { key: string }) => key,
};
const upcast = (data: unknown) => {
  const { key, pieces } = Old.parse(data);
  return { key, available: pieces, reserved: 0 };
};
const newer = { ...counted, version: 2, earlierVersions: [{ version: 1, data: Old, upcast }] };
/** One event for the old code, for the new code, and from the new code for both. */
export const CountedOld = defineEvent('Counted', { ...counted, data: Old });
export const Counted = defineEvent('Counted', { ...newer, data: New });
export const CountedForBoth = defineEvent('Counted', {
  ...{ ...newer, minVersion: 1 },
  data: New.extend({ pieces: z.int() }),
});

/** Publishes events and sends requests for a test; it runs inside the test. */
export const publisher = new Service('publisher', {
  publishes: [
    Task,
    EarlyTask,
    UndeclaredTask,
    BacklogTask,
    BatchedTask,
    CountedOld,
    Counted,
    CountedForBoth,
  ],
  requests: [TaskRequest],
  // ample where it is answered; otherwise a behaviour sets its own
  callTimeouts: { [TaskRequest.type]: 30_000 },
});
export type PublisherContext = ContextOf<typeof publisher>;

/** The handled events of one key. */
const Tally = z.object({ key: z.string(), count: z.int(), newest: z.int() });

export const worker = new Service('worker', { stores: { tallies: Tally } });
export type WorkerContext = ContextOf<typeof worker>;

/** Failures of this process, by the event's id. */
const failures = new Map<string, number>();

/** A file by which the test and all processes of a service communicate. */
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
    throw unavailable('it fails as the test wants');
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

/** Whether this is one of the first `times` attempts at an event, in any process. */
function isSlow(id: string, times: number): boolean {
  for (let time = 0; time < times; time++) {
    try {
      writeFileSync(inFolder(`${id}-${time}`), '', { flag: 'wx' });
      return true;
    } catch {
      // that attempt was counted by another process
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

/** The old code and the new code: each records the data of an event as it gets it. */
worker.on(CountedOld, async (data, _, { id }) => {
  note('done', { id, key: data.key, n: 1, made: JSON.stringify(data) });
});
watcher.on(Counted, async (data, _, { id }) => {
  note('done', { id, key: data.key, n: 2, made: JSON.stringify(data) });
});

/** In place of a service of the system. */
export const latecomer = new Service('notification', {});
for (const contract of [EarlyTask, UndeclaredTask]) {
  latecomer.on(contract, async ({ key, n }, _, { id }) => {
    note('done', { id, key, n });
  });
}

export const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');
