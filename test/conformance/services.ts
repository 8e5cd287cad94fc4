import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { defineEvent } from '#kit/contract';
import { refused, unavailable } from '#kit/errors';
import { type ContextOf, Service } from '#kit/service';
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
    .describe('What becomes of it until the test has mended what is broken.'),
  text: z.string().default(''),
});

const shape = { data: Data, subject: ({ key }: z.output<typeof Data>) => key };

export const Said = defineEvent('Said', {
  ...{ type: 'conformance.said', description: 'Heard by two services.', ...shape },
});
/** Said before its hearer has run for the first time: to one of the system, whom the broker expects. */
export const Early = defineEvent('Early', {
  ...{ type: 'order.confirmed', description: 'Heard by one that comes late.', ...shape },
});
/** The same, of a service that nobody has told the broker of. */
export const Unforeseen = defineEvent('Unforeseen', {
  ...{ type: 'conformance.unforeseen', description: 'Heard by one that comes late.', ...shape },
});

/** Said while its hearer is away. */
export const Piled = defineEvent('Piled', {
  ...{ type: 'conformance.piled', description: 'Heard by one, in great numbers.', ...shape },
});

/** What the worker has done about one key. */
const Tally = z.object({ key: z.string(), count: z.int(), newest: z.int() });

export const worker = new Service('worker', { stores: { tallies: Tally } });
export type WorkerContext = ContextOf<typeof worker>;

/** Of this process, by the event's id. */
const failures = new Map<string, number>();
const slept = new Map<string, number>();

worker.on(Said, async (data, { tallies, cause }, meta) => {
  const { key, n, ms, slowTimes, fails, whileClosed, text } = data;
  const about = { id: meta.id, key, n };
  const bytes = Buffer.byteLength(text);
  note('begun', { ...about, bytes, hash: hashOf(text), trace: cause.traceparent });
  const failed = failures.get(meta.id) ?? 0;
  if (failed < fails) {
    failures.set(meta.id, failed + 1);
    throw unavailable('as it was told to');
  }
  if (whileClosed !== 'do' && !existsSync(process.env['OPEN_FILE'] ?? '')) {
    if (whileClosed === 'refuse') throw refused('closed', 'it is closed');
    throw unavailable('it is closed');
  }
  const before = slept.get(meta.id) ?? 0;
  slept.set(meta.id, before + 1);
  if (before < slowTimes) await sleep(ms);
  await tallies.update(key, (now) => ({
    ...{ key, count: (now?.count ?? 0) + 1, newest: Math.max(now?.newest ?? 0, n) },
  }));
  note('done', about);
});

export const watcher = new Service('watcher', {});
watcher.on(Said, async ({ key, n }, _, { id }) => {
  note('done', { id, key, n });
});
watcher.on(Piled, async ({ key, n }, _, { id }) => {
  note('done', { id, key, n });
});

/** In the place of a service of the system. */
export const latecomer = new Service('notification', {});
for (const contract of [Early, Unforeseen]) {
  latecomer.on(contract, async ({ key, n }, _, { id }) => {
    note('done', { id, key, n });
  });
}

export const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');
