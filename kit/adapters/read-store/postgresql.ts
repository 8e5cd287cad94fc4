import { Kysely, PostgresDialect, sql } from 'kysely';
import { Pool, type PoolClient, types } from 'pg';
import { CONTROL_TABLES, KIT_TABLES, migrate } from './migrations';
import type {
  ControlTables,
  Generation,
  GenerationName,
  Migration,
  ReadStore,
} from '../../read-store/read-store';
import { PostgresqlTextIndex, TEXT_TABLES } from './postgresql-text';

export interface PostgresqlOptions {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** Connections of each process. */
  readonly maxConnections: number;
}

/** A query ends before the caller of a request stops waiting. */
const QUERY_TIMEOUT_MS = 4_000;
const CONNECT_TIMEOUT_MS = 2_000;
/** The schema of the record of generations, and of the extension. */
const CONTROL = 'read_models';
/** Serialises what creates schemas: PostgreSQL does not do it for `if not exists`. */
const CREATING = 5_201_107;

/** The classes of errors that say that the server is down, starting, stopping or full. */
const UNAVAILABLE = /^(08|53|57P)|^(ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENOTFOUND)$/;

// a bigint here is a sequence, an amount or a time, all of which a number holds
types.setTypeParser(types.builtins.INT8, Number);

/** A read store in PostgreSQL: a schema for each generation, which several replicas share. */
export class PostgresqlReadStore implements ReadStore {
  readonly text = new PostgresqlTextIndex();
  readonly control: Kysely<ControlTables>;
  readonly #control: Pool;
  readonly #open = new Map<string, { generation: Generation<unknown>; pool: Pool }>();
  #prepared: Promise<void> | undefined;

  constructor(private readonly options: PostgresqlOptions) {
    this.#control = pool(options, CONTROL, 2);
    this.control = kyselyOver<ControlTables>(this.#control, () => this.#prepare());
  }

  async open<T>(name: GenerationName, migrations: readonly Migration[]): Promise<Generation<T>> {
    const schema = schemaOf(name);
    const known = this.#open.get(schema);
    // opened with the tables of the same read model
    if (known !== undefined) return known.generation as Generation<T>;
    const own = pool(this.options, schema, this.options.maxConnections);
    const db = kyselyOver<T>(own);
    await this.#prepare();
    await this.#creating(async (client) => {
      const { rows } = await client.query('select 1 from pg_namespace where nspname = $1', [
        schema,
      ]);
      if (rows.length === 0) {
        // the pool of this generation has the schema as its search path
        await own.query(`begin; create schema "${schema}"; ${KIT_TABLES} ${TEXT_TABLES} commit`);
      }
      await migrate(db, migrations, async (script) => {
        await own.query(script);
      });
    });
    const generation = {
      read: db,
      write: db,
      optimize: async () => {
        await sql`analyze`.execute(db);
      },
    };
    this.#open.set(schema, { generation: generation as Generation<unknown>, pool: own });
    return generation;
  }

  async drop(name: GenerationName): Promise<void> {
    const schema = schemaOf(name);
    await this.#close(schema);
    await this.#control.query(`drop schema if exists "${schema}" cascade`);
  }

  isUnavailable(error: unknown): boolean {
    const { code } = (error ?? {}) as { code?: unknown };
    const isTimeout = error instanceof Error && /timeout|Connection terminated/.test(error.message);
    return isTimeout || (typeof code === 'string' && UNAVAILABLE.test(code));
  }

  async close(): Promise<void> {
    for (const schema of this.#open.keys()) await this.#close(schema);
    await this.control.destroy();
  }

  async #close(schema: string): Promise<void> {
    const known = this.#open.get(schema);
    this.#open.delete(schema);
    await known?.generation.write.destroy();
  }

  /** Creates the record of generations. Repeated when it failed, as before the server was reached. */
  #prepare(): Promise<void> {
    this.#prepared ??= this.#creating(async (client) => {
      await client.query(
        `create schema if not exists ${CONTROL};
         create extension if not exists pg_trgm with schema ${CONTROL};
         ${CONTROL_TABLES}`,
      );
    }).catch((error: unknown) => {
      this.#prepared = undefined;
      throw error;
    });
    return this.#prepared;
  }

  /** Runs work that one process of all does at a time. */
  async #creating(work: (client: PoolClient) => Promise<void>): Promise<void> {
    const client = await this.#control.connect();
    try {
      await client.query('select pg_advisory_lock($1)', [CREATING]);
      await work(client);
    } finally {
      await client.query('select pg_advisory_unlock($1)', [CREATING]).catch(() => undefined);
      client.release();
    }
  }
}

function schemaOf({ model, generation }: GenerationName): string {
  if (!/^[a-z][a-z0-9-]*$/.test(model)) throw new Error(`${model} cannot name a schema`);
  return `read_${model.replaceAll('-', '_')}_${generation}`;
}

function pool(options: PostgresqlOptions, schema: string, max: number): Pool {
  const { maxConnections: _, ...server } = options;
  const created = new Pool({
    ...server,
    max,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: QUERY_TIMEOUT_MS,
    // a transaction of a process that hangs must not hold its locks
    idle_in_transaction_session_timeout: QUERY_TIMEOUT_MS,
    options: `-c search_path=${schema},${CONTROL} -c pg_trgm.similarity_threshold=0.2`,
  });
  // A connection that the server closes fails its query, and is replaced at the next one. Without a
  // listener, the error of a connection without a query would end the process.
  created.on('error', () => undefined);
  created.on('connect', (client) => client.on('error', () => undefined));
  return created;
}

function kyselyOver<T>(of: Pool, prepare?: () => Promise<void>): Kysely<T> {
  const dialect = new PostgresDialect({
    pool: async () => {
      await prepare?.();
      return of;
    },
  });
  return new Kysely<T>({ dialect });
}
