import { randomUUID } from 'node:crypto';
import { NO_EXPIRY } from '#kit/transport/sidecar';
import { until } from '../../harness/until';
import { type Behaviour, inMs, seconds } from '../behaviour';
import { type Keepers, STEP_MS } from './keepers';

const WRITERS = 50;
const fresh = () => randomUUID();

export const createIfAbsent: Behaviour<Keepers> = {
  name: `of ${WRITERS} who create one document at once, one does`,
  holds: { created: 1, kept: 'what that one wrote' },
  observe: async (keepers) => {
    const key = fresh();
    const { written, took } = await writeAll(keepers, key, undefined);
    const kept = await keepers.one.sidecar.load(key, STEP_MS);
    return {
      facts: {
        created: written.length,
        kept: isWriters(kept?.value, written) ? 'what that one wrote' : 'something else',
      },
      figures: { 'all are answered after': inMs(took) },
    };
  },
};

export const conflict: Behaviour<Keepers> = {
  name: `of ${WRITERS} who change one state of a document at once, one does`,
  holds: { changed: 1, kept: 'what that one wrote', 'by the state before': 'refused' },
  observe: async (keepers) => {
    const key = fresh();
    const { sidecar } = keepers.one;
    await sidecar.save(key, { writer: -1 }, undefined, STEP_MS);
    const read = await sidecar.load(key, STEP_MS);
    const { written, took } = await writeAll(keepers, key, read?.etag);
    const kept = await sidecar.load(key, STEP_MS);
    const late = await keepers.other.sidecar.save(key, { writer: -2 }, read?.etag, STEP_MS);
    return {
      facts: {
        changed: written.length,
        kept: isWriters(kept?.value, written) ? 'what that one wrote' : 'something else',
        'by the state before': outcome(late),
      },
      figures: { 'all are answered after': inMs(took) },
    };
  },
};

/** Some write at once, of two processes, by the same state; which of them did. */
async function writeAll({ one, other }: Keepers, key: string, etag: string | undefined) {
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

export const gone: Behaviour<Keepers> = {
  name: 'a change of a document that is gone, or never was, is refused',
  holds: { gone: 'refused', 'never was': 'refused' },
  observe: async ({ one: { sidecar } }) => {
    const key = fresh();
    await sidecar.save(key, { value: 1 }, undefined, STEP_MS);
    const held = await sidecar.load(key, STEP_MS);
    await sidecar.delete(key, STEP_MS);
    if ((await sidecar.load(key, STEP_MS)) !== undefined) throw new Error('it is not gone');
    const overGone = await sidecar.save(key, { value: 2 }, held?.etag, STEP_MS);
    const overNothing = await sidecar.save(fresh(), { value: 2 }, held?.etag, STEP_MS);
    return {
      facts: { gone: outcome(overGone), 'never was': outcome(overNothing) },
      figures: {},
    };
  },
};

const outcome = (written: boolean) => (written ? 'written' : 'refused');

export const marks: Behaviour<Keepers> = {
  name: 'a change that is asked for again, of another process too, is made once, with the same outcome',
  holds: { changes: 2, outcomes: '0, 0, 0' },
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
      facts: { changes: await one.counted(key), outcomes: [first, again, elsewhere].join(', ') },
      figures: { 'known again after': inMs(took) },
    };
  },
};

const TTL_SECONDS = 2;

export const expiry: Behaviour<Keepers> = {
  name: 'a document is there until its time is over, and can be created anew then',
  holds: { before: 'there', after: 'gone', early: false, anew: 'written' },
  observe: async ({ one: { sidecar } }) => {
    const key = fresh();
    const begun = performance.now();
    await sidecar.save(key, { value: 1 }, undefined, STEP_MS, TTL_SECONDS);
    const isThere = async () => (await sidecar.load(key, STEP_MS)) !== undefined;
    const before = await isThere();
    await until('the end of its time', async () => !(await isThere()), 10_000);
    const took = performance.now() - begun;
    const anew = await sidecar.save(key, { value: 2 }, undefined, STEP_MS);
    return {
      facts: {
        ...{ before: before ? 'there' : 'gone', after: 'gone', early: took < TTL_SECONDS * 1000 },
        anew: outcome(anew),
      },
      figures: { [`of ${TTL_SECONDS} s, gone after`]: seconds(took) },
    };
  },
};

export const lasting: Behaviour<Keepers> = {
  name: 'a document that had a time to live, and is written again for good, stays',
  holds: { 'for good': 'there', 'without a word of it': 'gone' },
  observe: async ({ one: { sidecar } }) => {
    const again = async (key: string, ttlSeconds?: number) => {
      await sidecar.save(key, { value: 1 }, undefined, STEP_MS, TTL_SECONDS);
      const read = await sidecar.load(key, STEP_MS);
      const written = await sidecar.save(key, { value: 2 }, read?.etag, STEP_MS, ttlSeconds);
      if (!written) throw new Error('it was gone before it was written again');
    };
    const isThere = async (key: string) => (await sidecar.load(key, STEP_MS)) !== undefined;
    const [forGood, withoutWord, other] = [fresh(), fresh(), fresh()];
    await again(forGood, NO_EXPIRY);
    await again(withoutWord);
    // written after them, it has gone after them
    await sidecar.save(other, { value: 1 }, undefined, STEP_MS, TTL_SECONDS + 1);
    await until('a later one to go', async () => !(await isThere(other)), 10_000);
    const outcome = async (key: string) => ((await isThere(key)) ? 'there' : 'gone');
    return {
      facts: {
        'for good': await outcome(forGood),
        'without a word of it': await outcome(withoutWord),
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

export const contents: Behaviour<Keepers> = {
  name: 'documents of 1 KB to 1 MB, and text of every script, are kept as they were written',
  holds: Object.fromEntries(Object.keys(TEXTS).map((name) => [name, 'whole'])),
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
      facts[name] = whole ? 'whole' : 'another text';
      figures[name] = `written in ${inMs(median(writes))}, read in ${inMs(median(reads))}`;
    }
    delete figures['unicode'];
    return { facts, figures };
  },
};

const median = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

export const manyWriters: Behaviour<Keepers> = {
  name: `${WRITERS} changes at once of one document, in two processes, all take effect`,
  holds: { changes: WRITERS },
  observe: async ({ one, other }) => {
    const key = fresh();
    const begun = performance.now();
    await Promise.all(
      Array.from({ length: WRITERS }, (_, writer) => (writer % 2 === 0 ? one : other).count(key)),
    );
    const took = performance.now() - begun;
    return { facts: { changes: await one.counted(key) }, figures: { after: seconds(took) } };
  },
};
