import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { Code } from '../core/errors';
import { silentLog } from '../core/log';
import { Metrics } from '../core/metrics';
import { type Fill, ReadModelStore, type SubjectEvent } from '../read-store/read-model-store';
import { ReadModel, type ReadStore } from '../read-store/read-store';
import type { TextQuery } from '../read-store/text-index';
import { FakeClock } from './fake-clock';

interface Things {
  things: { tenant: string; thing: string; value: string };
}

const FOLDER = ['kit', 'testing', 'sample-read-model'];

/** A database for tests. `connect` opens the read store of another process for a model. */
export interface Database {
  connect(model: string): ReadStore;
  close(): Promise<void>;
}

let models = 0;

/** What every read store does, whatever database it uses. */
export function readStoreSemantics(openDatabase: () => Promise<Database>): void {
  let database: Database;
  const opened: ReadStore[] = [];
  beforeAll(async () => {
    database = await openDatabase();
  });
  afterAll(async () => {
    for (const store of opened) await store.close();
    await database.close();
  });

  /** A process with the read model; each test has a model of its own. */
  function processOf(name: string, clock = new FakeClock(), version = 1) {
    const store = database.connect(name);
    opened.push(store);
    const model = new ReadModel<Things>({ version, migrations: FOLDER });
    const metrics = new Metrics();
    const process = new ReadModelStore({ store, model, name, clock, metrics, log: silentLog });
    return { store, process, metrics, clock };
  }

  const newModel = () => `sample-${++models}`;
  const empty: Fill<Things> = async () => ({ entries: [], next: undefined, done: 0, total: 0 });

  async function readyProcess(name = newModel(), clock = new FakeClock()) {
    const opened = processOf(name, clock);
    await opened.process.rebuild(empty);
    return { ...opened, name };
  }

  const state = (thing: string, sequence: number, tenant = 'default') => ({
    ...{ tenant, stream: 'thing', subject: thing, sequence },
  });
  const event = (thing: string, sequence: number, tenant = 'default'): SubjectEvent => ({
    ...state(thing, sequence, tenant),
    id: `${tenant}-${thing}-${sequence}`,
  });
  const put =
    (thing: string, value: string, tenant = 'default') =>
    async (tx: Parameters<Parameters<ReadModelStore<Things>['apply']>[1]>[0]) => {
      await tx
        .insertInto('things')
        .values({ tenant, thing, value })
        .onConflict((conflict) => conflict.columns(['tenant', 'thing']).doUpdateSet({ value }))
        .execute();
    };
  const values = (process: ReadModelStore<Things>) =>
    process.read(async (db) => {
      const rows = await db.selectFrom('things').selectAll().orderBy('thing').execute();
      return rows.map(({ thing, value }) => `${thing}=${value}`);
    });

  describe('a read model', () => {
    test('has the newest state of each subject, whatever the order and number of deliveries', async () => {
      const { process } = await readyProcess();
      for (const sequence of [1, 3, 2, 3, 1]) {
        await process.apply(event('cup', sequence), put('cup', `v${sequence}`));
      }
      await process.apply(event('pot', 1), put('pot', 'v1'));
      expect(await values(process)).toEqual(['cup=v3', 'pot=v1']);
    });

    test('counts the changes of each tenant and each stream separately', async () => {
      const { process } = await readyProcess();
      await process.apply(event('cup', 5), put('cup', 'ours'));
      await process.apply(event('cup', 1, 'other'), put('cup', 'theirs', 'other'));
      const offer = { ...event('cup', 2), stream: 'offer' };
      await process.apply(offer, put('pot', 'offered'));
      expect(await values(process)).toEqual(
        expect.arrayContaining(['cup=ours', 'cup=theirs', 'pot=offered']),
      );
    });

    test('applies events that arrive concurrently, of which one fails alone', async () => {
      const { process } = await readyProcess();
      const results = await Promise.allSettled(
        Array.from({ length: 250 }, (_, index) =>
          process.apply(event(`thing-${index}`, 1), async (tx) => {
            await put(`thing-${index}`, 'v1')(tx);
            if (index === 7) throw new Error('cannot be written');
          }),
        ),
      );
      const failed = results.flatMap(({ status }, index) => (status === 'rejected' ? [index] : []));
      expect(failed).toEqual([7]);
      expect(await values(process)).toHaveLength(249);
      // nothing of the failed one was kept, so a redelivery is applied
      await process.apply(event('thing-7', 1), put('thing-7', 'v1'));
      expect(await values(process)).toHaveLength(250);
    });

    test('reports the age of the oldest event that is not applied', async () => {
      const { process, metrics, clock } = await readyProcess();
      const lag = async () =>
        /^read_model_lag_seconds\S* (\S+)/m.exec(await metrics.registry.metrics())?.[1];
      const blocked = Promise.withResolvers<undefined>();
      const time = new Date(clock.now() - 4_000).toISOString();
      const applying = process.apply({ ...event('cup', 1), time }, async (tx) => {
        await blocked.promise;
        await put('cup', 'v1')(tx);
      });
      expect(await lag()).toBe('4');
      blocked.resolve(undefined);
      await applying;
      expect(await lag()).toBe('0');
    });

    test('survives a restart of its process', async () => {
      const { process, store, name } = await readyProcess();
      await process.apply(event('cup', 1), put('cup', 'v1'));
      await store.close();
      opened.splice(opened.indexOf(store), 1);
      expect(await values(processOf(name).process)).toEqual(['cup=v1']);
    });
  });

  describe('a generation', () => {
    /** An owner with things that are returned in pages of two. */
    const owner =
      (
        things: Readonly<Record<string, number>>,
        onPage: (from: number) => Promise<void> = async () => {},
      ): Fill<Things> =>
      async (position) => {
        const all = Object.entries(things);
        const from = Number(position);
        await onPage(from);
        const page = all.slice(from, from + 2);
        const done = from + page.length;
        return {
          entries: page.map(([thing, sequence]) => ({
            ...state(thing, sequence),
            write: put(thing, `owner-${sequence}`),
          })),
          next: done < all.length ? String(done) : undefined,
          done,
          total: all.length,
        };
      };

    test('answers no query before it is filled', async () => {
      const { process } = processOf(newModel());
      await expect(values(process)).rejects.toMatchObject({ code: Code.UNAVAILABLE });
      await process.rebuild(owner({ cup: 1, pot: 1, pan: 1 }));
      expect(await values(process)).toEqual(['cup=owner-1', 'pan=owner-1', 'pot=owner-1']);
    });

    test('has the events that arrive while it is filled, unless the owner returns a newer state', async () => {
      const { process } = await readyProcess();
      await process.startRebuild();
      const fill = owner({ cup: 4, pot: 4, pan: 1 }, async (from) => {
        if (from !== 0) return;
        await process.apply(event('cup', 5), put('cup', 'event-5'));
        await process.apply(event('pot', 3), put('pot', 'event-3'));
      });
      await process.rebuild(fill);
      expect(await values(process)).toEqual(['cup=event-5', 'pan=owner-1', 'pot=owner-4']);
      // an event that is late
      await process.apply(event('pot', 2), put('pot', 'event-2'));
      expect(await values(process)).toContain('pot=owner-4');
    });

    test('is filled while the one before it answers, and shows its progress', async () => {
      const { process } = await readyProcess();
      await process.apply(event('old', 1), put('old', 'v1'));
      await process.startRebuild();
      const seen: unknown[] = [];
      await process.rebuild(
        owner({ cup: 1, pot: 1, pan: 1 }, async () => {
          seen.push([await values(process), (await process.newest())?.done]);
        }),
      );
      expect(seen).toEqual([
        [['old=v1'], 0],
        [['old=v1'], 2],
      ]);
      expect(await process.newest()).toMatchObject({ state: 'active', done: 3, total: 3 });
      expect(await values(process)).toEqual(['cup=owner-1', 'pan=owner-1', 'pot=owner-1']);
    });

    test('is continued where the process that filled it has stopped', async () => {
      const clock = new FakeClock();
      const name = newModel();
      const first = processOf(name, clock).process;
      const things = { cup: 1, pot: 1, pan: 1, jug: 1 };
      const dies = owner(things, async (from) => {
        if (from === 2) throw new Error('killed');
      });
      await expect(first.rebuild(dies)).rejects.toThrow('killed');
      const positions: number[] = [];
      const fill = owner(things, async (from) => {
        positions.push(from);
      });
      const second = processOf(name, clock).process;
      // the lease of the first is not over
      await second.rebuild(fill);
      expect(positions).toEqual([]);
      clock.advance(31_000);
      await second.rebuild(fill);
      expect(positions).toEqual([2]);
      expect(await values(second)).toHaveLength(4);
    });

    test('has the events that every process handles while one of them fills it', async () => {
      const clock = new FakeClock();
      const { process: first, name } = await readyProcess(newModel(), clock);
      const second = processOf(name, clock).process;
      await first.startRebuild();
      await first.rebuild(
        owner({ pot: 1 }, async () => {
          await second.apply(event('cup', 1), put('cup', 'event-1'));
        }),
      );
      expect(await values(first)).toEqual(['cup=event-1', 'pot=owner-1']);
      clock.advance(1_001);
      expect(await values(second)).toEqual(['cup=event-1', 'pot=owner-1']);
    });

    test('of another version is filled by itself; of the replaced ones, the last is kept', async () => {
      const { name, clock } = await readyProcess();
      for (const version of [2, 3]) {
        const next = processOf(name, clock, version);
        await next.process.rebuild(owner({ cup: version }));
        expect(await values(next.process)).toEqual([`cup=owner-${version}`]);
        const rows = await next.store.control
          .selectFrom('generations')
          .select(['version', 'state'])
          .where('model', '=', name)
          .orderBy('generation')
          .execute();
        expect(rows).toEqual([
          { version: version - 1, state: 'retired' },
          { version, state: 'active' },
        ]);
      }
    });

    test('is filled for each tenant whose events were applied', async () => {
      const { process } = await readyProcess();
      await process.apply(event('cup', 1, 'other'), put('cup', 'v1', 'other'));
      await process.startRebuild();
      let tenants: readonly string[] = [];
      await process.rebuild(async (position, all) => {
        tenants = all;
        return empty(position, all);
      });
      expect(tenants).toEqual(['default', 'other']);
    });
  });

  describe('the text index', () => {
    const words = (text: string) => text.split(' ');
    const query = (text: string): TextQuery =>
      words(text).map((word) => [
        word.endsWith('*') ? [{ word: word.slice(0, -1), prefix: true }] : [{ word }],
      ]);

    async function withTexts(texts: Readonly<Record<number, string>>) {
      const { process } = await readyProcess();
      const set = (id: number, text: string, sequence = 1) =>
        process.apply(event(`text-${id}`, sequence), async (tx, index) => {
          const [high = '', low = ''] = text.split('|');
          await index.put(tx, 'here', id, { high: words(high), middle: [], low: words(low) });
        });
      for (const [id, text] of Object.entries(texts)) await set(Number(id), text);
      const found = (of: TextQuery) =>
        process.read(async (db, index) => {
          const hits = sql<{ id: number }>`select id from ${index.matches(of)} as hits
            order by rank desc, id`;
          return (await hits.execute(db)).rows.map(({ id }) => id);
        });
      return { process, set, found };
    }

    test('finds documents with all words, by prefix, and the better field first', async () => {
      const { found } = await withTexts({
        1: 'cup|red of steel',
        2: 'red cup|of clay',
        3: 'redwood table|large',
      });
      expect(await found(query('red cup'))).toEqual([2, 1]);
      const red = await found(query('red*'));
      expect([red.slice(0, 2).sort(), red[2]]).toEqual([[2, 3], 1]);
      expect(await found(query('blue'))).toEqual([]);
    });

    test('finds a document by one of several alternatives, each of which may be several words', async () => {
      const { found } = await withTexts({ 1: 'tv|', 2: 'television set|', 3: 'television|' });
      const tv = [[{ word: 'tv' }], [{ word: 'television' }, { word: 'set' }]];
      expect((await found([tv])).sort()).toEqual([1, 2]);
    });

    test('finds words of every script, and emoji', async () => {
      const { found } = await withTexts({ 1: '緑茶|', 2: 'чашка|', 3: '☕|', 4: 'فنجان|' });
      expect(await found(query('緑茶'))).toEqual([1]);
      expect(await found(query('чаш*'))).toEqual([2]);
      expect(await found(query('☕'))).toEqual([3]);
      expect(await found(query('فنجان'))).toEqual([4]);
    });

    test('finds the new words of a document and no longer the old ones', async () => {
      const { process, set, found } = await withTexts({ 1: 'red cup|', 2: 'cup|' });
      await set(1, 'blue mug|', 2);
      expect([await found(query('red')), await found(query('mug'))]).toEqual([[], [1]]);
      const known = await process.read((db, index) => index.completions(db, 'here', '', 9));
      expect(known.map(({ word }) => word)).toEqual(['blue', 'cup', 'mug']);
    });

    test.each([
      "'",
      '"',
      '\\',
      '*',
      'a"b',
      "a'b",
      'NOT',
      'AND',
      '&',
      '|',
      '!',
      '(',
      ')',
      ':',
      '-x',
      '{high}',
      'high:cup',
      "';drop table things",
      '^cup',
      '+',
      '<->',
      '\u{10ffff}',
    ])('takes %s as a word', async (word) => {
      const { found, process } = await withTexts({ 1: 'cup|', 2: 'pot|' });
      // a database may ignore a word without letters: then the other word decides
      expect([[], [1]]).toContainEqual(await found([[[{ word }]], [[{ word: 'cup' }]]]));
      expect(await values(process)).toEqual([]);
    });

    test('returns similar words and completions of its scope, the frequent ones first', async () => {
      const { process } = await withTexts({ 1: 'shirt|', 2: 'shirt|', 3: 'short|', 4: 'laptop|' });
      const similar = (word: string, scope = 'here') =>
        process.read(async (db, index) =>
          (await index.similar(db, scope, word)).map((known) => known.word),
        );
      expect(await similar('shrt')).toContain('shirt');
      expect(await similar('lapotp')).toContain('laptop');
      expect(await similar('shirt', 'elsewhere')).toEqual([]);
      const completions = await process.read((db, index) => index.completions(db, 'here', 'sh', 5));
      expect(completions).toEqual([
        { word: 'shirt', documents: 2 },
        { word: 'short', documents: 1 },
      ]);
    });
  });
}
