import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { Client } from 'pg';
import { PostgresqlReadStore } from '#kit/adapters/read-store/postgresql';
import { Code } from '#kit/core/errors';
import { silentLog } from '#kit/core/log';
import { Metrics } from '#kit/core/metrics';
import { ReadModelStore } from '#kit/read-store/read-model-store';
import { ReadModel } from '#kit/read-store/read-store';
import { FakeClock } from '#kit/testing/fake-clock';
import { readStoreSemantics } from '#kit/testing/read-store-semantics';
import { searchSemantics } from '../../services/search/testing/search-semantics';
import { type OneServer, startOneServer } from '../harness/one-server';
import { until } from '../harness/until';

// On SQLite the same tests run without a server: kit/adapters/read-store/sqlite.test.ts and
// services/search/search.test.ts.

const optionsOf = ({ port }: OneServer) => ({
  ...{ host: '127.0.0.1', port, user: 'omnichannel', password: '', database: 'omnichannel' },
  maxConnections: 4,
});

describe('on PostgreSQL', () => {
  readStoreSemantics(async () => {
    const server = await startOneServer('postgresql');
    return {
      connect: () => new PostgresqlReadStore(optionsOf(server)),
      close: () => server.close(),
    };
  });
});

describe('the search on PostgreSQL', () => {
  searchSemantics(async () => {
    const server = await startOneServer('postgresql');
    let databases = 0;
    return {
      fresh: async () => {
        const database = `search_${++databases}`;
        const client = new Client(optionsOf(server));
        await client.connect();
        await client.query(`create database ${database}`);
        await client.end();
        return new PostgresqlReadStore({ ...optionsOf(server), database });
      },
      close: () => server.close(),
    };
  });
});

describe('a database that is down', () => {
  let server: OneServer;
  beforeAll(async () => {
    server = await startOneServer('postgresql');
  });
  afterAll(() => server.close());

  test('makes queries and events fail as unavailable, until it runs again', async () => {
    const store = new PostgresqlReadStore(optionsOf(server));
    const model = new ReadModel({
      version: 1,
      migrations: ['kit', 'testing', 'sample-read-model'],
    });
    const process = new ReadModelStore({
      ...{ store, model, name: 'sample', clock: new FakeClock(), metrics: new Metrics() },
      log: silentLog,
    });
    await process.rebuild(async () => ({ entries: [], next: undefined, done: 0, total: 0 }));
    const event = { id: 'e', tenant: 'default', stream: 's', subject: 'x', sequence: 1 };
    const apply = () => process.apply(event, async () => undefined);
    const read = () =>
      process.read(async (db) => {
        await sql`select 1`.execute(db);
        return 'answered';
      });
    await server.process.kill();
    await expect(read()).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    await expect(apply()).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    expect(await process.check()).toMatchObject({ ok: false });
    server.process.start();
    await until('the event is applied', async () =>
      apply().then(
        () => true,
        () => false,
      ),
    );
    await expect(read()).resolves.toBe('answered');
    await store.close();
  });
});
