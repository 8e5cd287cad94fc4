import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { Kysely, SqliteDialect } from 'kysely';
import { CONTROL_TABLES, KIT_TABLES, migrate } from './migrations';
import type {
  ControlTables,
  Generation,
  GenerationName,
  Migration,
} from '../../read-store/read-store';
import type { ReadStore } from '../../read-store/read-store';
import { SqliteTextIndex, TEXT_TABLES } from './sqlite-text';

/** How long a writer waits for another process that writes to the same file. */
const BUSY_MS = 4_000;
/** Pages of a file that are kept in memory, in KiB. */
const CACHE_KIB = 64 * 1024;

/** A read store in files of SQLite: one for each generation, in a folder that only this machine uses. */
export class SqliteReadStore implements ReadStore {
  readonly text = new SqliteTextIndex();
  readonly control: Kysely<ControlTables>;
  readonly #open = new Map<string, Generation<unknown>>();

  constructor(
    private readonly folder: string,
    model: string,
  ) {
    mkdirSync(folder, { recursive: true });
    const database = connect(join(folder, `${model}.read.db`));
    database.exec(CONTROL_TABLES);
    this.control = kyselyOver(database);
  }

  async open<T>(name: GenerationName, migrations: readonly Migration[]): Promise<Generation<T>> {
    const file = this.#file(name);
    const known = this.#open.get(file);
    // opened with the tables of the same read model
    if (known !== undefined) return known as Generation<T>;
    const isNew = !existsSync(file);
    const database = connect(file);
    if (isNew) database.exec(`begin; ${KIT_TABLES} ${TEXT_TABLES} commit`);
    const write = kyselyOver<T>(database);
    await migrate(write, migrations, (script) => {
      database.exec(script);
      return Promise.resolve();
    });
    // a connection of its own: kysely runs one query of a connection at a time, and a transaction is long
    const read = kyselyOver<T>(connect(file, true));
    const generation = {
      read,
      write,
      optimize: async () => {
        database.exec(`insert into text_words (text_words) values ('optimize'); analyze`);
      },
    };
    this.#open.set(file, generation as Generation<unknown>);
    return generation;
  }

  async drop(name: GenerationName): Promise<void> {
    const file = this.#file(name);
    await this.#close(file);
    for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true });
  }

  /** The database is a part of this process. */
  isUnavailable(): boolean {
    return false;
  }

  async close(): Promise<void> {
    for (const file of this.#open.keys()) await this.#close(file);
    await this.control.destroy();
  }

  async #close(file: string): Promise<void> {
    const generation = this.#open.get(file);
    this.#open.delete(file);
    await generation?.read.destroy();
    await generation?.write.destroy();
  }

  #file({ model, generation }: GenerationName): string {
    return join(this.folder, `${model}.read.${generation}.db`);
  }
}

function connect(file: string, readOnly = false): DatabaseSync {
  const database = new DatabaseSync(file, { readOnly, timeout: BUSY_MS });
  if (!readOnly) database.exec('pragma journal_mode = wal; pragma synchronous = normal');
  database.exec(`pragma cache_size = -${CACHE_KIB}; pragma temp_store = memory`);
  return database;
}

/** The interface of better-sqlite3, which kysely's dialect expects, over Node's own SQLite. */
function kyselyOver<T>(database: DatabaseSync): Kysely<T> {
  return new Kysely<T>({
    dialect: new SqliteDialect({
      database: {
        close: () => {
          database.close();
        },
        prepare: (text) => {
          // a transaction that reads first and then writes would fail if another process wrote in between
          const statement = database.prepare(text === 'begin' ? 'begin immediate' : text);
          // kysely passes what the query builder collected; the types of the tables allow these only
          const values = (given: readonly unknown[]) => given as SQLInputValue[];
          return {
            reader: statement.columns().length > 0,
            all: (given) => statement.all(...values(given)),
            run: (given) => statement.run(...values(given)),
            iterate: (given) => statement.iterate(...values(given)),
          };
        },
      },
    }),
  });
}
