import { randomUUID } from 'node:crypto';
import { NO_EXPIRY } from '#kit/transport/sidecar';
import { until } from '../../harness/until';
import { type Behaviour, inMs, seconds } from '../behaviour';
import { type StoreFixture, STEP_MS } from './store-fixture';

const WRITERS = 50;
const fresh = () => randomUUID();

export const createIfAbsent: Behaviour<StoreFixture> = {
  name: `of ${WRITERS} concurrent creations of a document one succeeds`,
  holds: { created: 1, stored: "the winner's document" },
  observe: async (store) => {
    const key = fresh();
    const { written, took } = await writeAll(store, key, undefined);
    const kept = await store.one.sidecar.load(key, STEP_MS);
    return {
      facts: {
        created: written.length,
        stored: isWriters(kept?.value, written) ? "the winner's document" : 'another document',
      },
      figures: { [`${WRITERS} concurrent creations complete after`]: inMs(took) },
    };
  },
};

export const conflict: Behaviour<StoreFixture> = {
  name: `of ${WRITERS} concurrent changes of one version of a document one succeeds`,
  holds: { changed: 1, stored: "the winner's document", 'change of an older version': 'rejected' },
  observe: async (store) => {
    const key = fresh();
    const { sidecar } = store.one;
    await sidecar.save(key, { writer: -1 }, undefined, STEP_MS);
    const read = await sidecar.load(key, STEP_MS);
    const { written, took } = await writeAll(store, key, read?.etag);
    const kept = await sidecar.load(key, STEP_MS);
    const late = await store.other.sidecar.save(key, { writer: -2 }, read?.etag, STEP_MS);
    return {
      facts: {
        changed: written.length,
        stored: isWriters(kept?.value, written) ? "the winner's document" : 'another document',
        'change of an older version': outcome(late),
      },
      figures: { [`${WRITERS} concurrent changes of one version complete after`]: inMs(took) },
    };
  },
};

/** Two processes write concurrently with the same etag; returns which of them succeeded. */
async function writeAll({ one, other }: StoreFixture, key: string, etag: string | undefined) {
  const begun = performance.now();
  const answers = await Promise.all(
    Array.from({ length: WRITERS }, (_, writer) =>
      (writer % 2 === 0 ? one : other).sidecar.save(key, { writer }, etag, STEP_MS),
    ),
  );
  const written = answers.flatMap((ok, writer) => (ok ? [writer] : []));
  return { written, took: performance.now() - begun };
}

const isWriters = (value: unknown, [writer]: readonly number[]) =>
  JSON.stringify(value) === JSON.stringify({ writer });

export const gone: Behaviour<StoreFixture> = {
  name: 'a change of a document that was deleted or never existed is rejected',
  holds: { 'a deleted document': 'rejected', 'a document that never existed': 'rejected' },
  observe: async ({ one: { sidecar } }) => {
    const key = fresh();
    await sidecar.save(key, { value: 1 }, undefined, STEP_MS);
    const held = await sidecar.load(key, STEP_MS);
    await sidecar.delete(key, STEP_MS);
    if ((await sidecar.load(key, STEP_MS)) !== undefined) throw new Error('it still exists');
    const overGone = await sidecar.save(key, { value: 2 }, held?.etag, STEP_MS);
    const overNothing = await sidecar.save(fresh(), { value: 2 }, held?.etag, STEP_MS);
    return {
      facts: {
        'a deleted document': outcome(overGone),
        'a document that never existed': outcome(overNothing),
      },
      figures: {},
    };
  },
};

const outcome = (written: boolean) => (written ? 'written' : 'rejected');

export const marks: Behaviour<StoreFixture> = {
  name: 'a repeated change is made once and returns the same result, also in another process',
  holds: { changes: 2, results: '0, 0, 0' },
  observe: async ({ one, other }) => {
    const key = fresh();
    const callContext = { id: fresh() };
    const first = await one.count(key, callContext);
    await other.count(key);
    const begun = performance.now();
    const again = await one.count(key, callContext);
    const took = performance.now() - begun;
    const elsewhere = await other.count(key, callContext);
    return {
      facts: { changes: await one.counted(key), results: [first, again, elsewhere].join(', ') },
      figures: { 'repeated change detected after': inMs(took) },
    };
  },
};

const TTL_SECONDS = 2;

export const expiry: Behaviour<StoreFixture> = {
  name: 'a document expires after its time to live, and can be created again then',
  holds: { before: 'exists', after: 'expired', 'expired early': false, 'created again': 'written' },
  observe: async ({ one: { sidecar } }) => {
    const key = fresh();
    const begun = performance.now();
    await sidecar.save(key, { value: 1 }, undefined, STEP_MS, TTL_SECONDS);
    const isThere = async () => (await sidecar.load(key, STEP_MS)) !== undefined;
    const before = await isThere();
    await until('its expiry', async () => !(await isThere()), 10_000);
    const took = performance.now() - begun;
    const again = await sidecar.save(key, { value: 2 }, undefined, STEP_MS);
    return {
      facts: {
        before: before ? 'exists' : 'expired',
        after: 'expired',
        'expired early': took < TTL_SECONDS * 1000,
        'created again': outcome(again),
      },
      figures: {
        [`document with a time to live of ${TTL_SECONDS} s expires after`]: seconds(took),
      },
    };
  },
};

export const lasting: Behaviour<StoreFixture> = {
  name: 'the time to live of a document stays until a write clears it',
  holds: { 'written with a cleared time to live': 'exists', 'written without one': 'expired' },
  observe: async ({ one: { sidecar } }) => {
    const again = async (key: string, ttlSeconds?: number) => {
      await sidecar.save(key, { value: 1 }, undefined, STEP_MS, TTL_SECONDS);
      const read = await sidecar.load(key, STEP_MS);
      const written = await sidecar.save(key, { value: 2 }, read?.etag, STEP_MS, ttlSeconds);
      if (!written) throw new Error('it expired before it was written again');
    };
    const isThere = async (key: string) => (await sidecar.load(key, STEP_MS)) !== undefined;
    const [forGood, withoutWord, other] = [fresh(), fresh(), fresh()];
    await again(forGood, NO_EXPIRY);
    await again(withoutWord);
    // a document that was written later has expired before
    await sidecar.save(other, { value: 1 }, undefined, STEP_MS, TTL_SECONDS + 1);
    await until('a later one to go', async () => !(await isThere(other)), 10_000);
    const outcome = async (key: string) => ((await isThere(key)) ? 'exists' : 'expired');
    return {
      facts: {
        'written with a cleared time to live': await outcome(forGood),
        'written without one': await outcome(withoutWord),
      },
      figures: {},
    };
  },
};

const KB = 1024;
const TEXTS: Readonly<Record<string, string>> = {
  '1 KB': 'x'.repeat(KB),
  '64 KB': 'x'.repeat(64 * KB),
  '1 MB': 'x'.repeat(KB * KB),
  unicode: 'größer 漢字 🎉 \u0000 "\\\n\u2028',
};
const ROUNDS = 20;

export const contents: Behaviour<StoreFixture> = {
  name: 'documents of up to 1 MB, with text in any script, are stored unchanged',
  holds: Object.fromEntries(Object.keys(TEXTS).map((name) => [name, 'unchanged'])),
  observe: async ({ one, other }) => {
    const facts: Record<string, string> = {};
    const figures: Record<string, string> = {};
    for (const [name, text] of Object.entries(TEXTS)) {
      const writes: number[] = [];
      const reads: number[] = [];
      let whole = true;
      for (let round = 0; round < ROUNDS; round++) {
        const key = `${name} ${fresh()}`;
        const begun = performance.now();
        await one.sidecar.save(key, { text }, undefined, STEP_MS);
        const written = performance.now();
        const read = await other.sidecar.load(key, STEP_MS);
        reads.push(performance.now() - written);
        writes.push(written - begun);
        whole &&= JSON.stringify(read?.value) === JSON.stringify({ text });
      }
      facts[name] = whole ? 'unchanged' : 'changed';
      if (name === 'unicode') continue;
      figures[`writing ${name} takes`] = inMs(median(writes));
      figures[`reading ${name} takes`] = inMs(median(reads));
    }
    return { facts, figures };
  },
};

const median = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

export const manyWriters: Behaviour<StoreFixture> = {
  name: `${WRITERS} concurrent changes of a document, in two processes, all take effect`,
  holds: { changes: WRITERS },
  observe: async ({ one, other }) => {
    const key = fresh();
    const begun = performance.now();
    await Promise.all(
      Array.from({ length: WRITERS }, (_, writer) => (writer % 2 === 0 ? one : other).count(key)),
    );
    const took = performance.now() - begun;
    return {
      facts: { changes: await one.counted(key) },
      figures: { [`${WRITERS} concurrent changes, with retries, complete after`]: seconds(took) },
    };
  },
};
