import type { Kysely } from 'kysely';
import type { TextIndex } from './text-index';

/**
 * A database for queries that a key-value store cannot answer. It holds read models: data that is derived
 * from events and can be built again from the services that own it.
 *
 * A read model has generations. Each is a set of tables of its own, so that a new one can be filled while
 * the old one answers queries.
 */
export interface ReadStore {
  /** The full-text index, whose tables are in each generation. */
  readonly text: TextIndex;
  /** The record of all generations; each process that uses the database reads the same one. */
  readonly control: Kysely<ControlTables>;
  /**
   * The tables of a generation, which is created if it does not exist, after the migrations that were not
   * applied to it yet.
   */
  open<T>(generation: GenerationName, migrations: readonly Migration[]): Promise<Generation<T>>;
  /** Deletes a generation. */
  drop(generation: GenerationName): Promise<void>;
  /** Whether an error says that the database cannot be reached now. */
  isUnavailable(error: unknown): boolean;
  close(): Promise<void>;
}

export interface GenerationName {
  /** The app id of the service that owns the read model. */
  readonly model: string;
  readonly generation: number;
}

/** The connections to one generation. Reading never waits for a transaction that writes. */
export interface Generation<T> {
  readonly read: Kysely<T>;
  readonly write: Kysely<T>;
  /** Prepares its indexes and statistics for queries, after it was filled. */
  optimize(): Promise<void>;
}

/** One numbered SQL file. */
export interface Migration {
  readonly name: string;
  readonly sql: string;
}

export interface ControlTables {
  readonly generations: GenerationRow;
  readonly tenants: { model: string; tenant: string };
}

/** One generation of a read model. Times are in epoch milliseconds. */
export interface GenerationRow {
  model: string;
  generation: number;
  /** The version of the read model's definition that filled it. */
  version: number;
  /** `building`: it is filled. `active`: it answers queries. `retired`: the next one has replaced it. */
  state: 'building' | 'active' | 'retired';
  /** How many things were copied from their owners, of how many. */
  done: number;
  total: number;
  /** Where the next step of filling continues: JSON of the read model; empty at the start. */
  position: string;
  /** The process that fills it, until its lease ends. */
  holder: string;
  lease: number;
}

/** The tables of the kit in each generation. */
export interface KitTables {
  /** The newest event about each subject that was applied. */
  applied: { stream: string; subject: string; sequence: number; event: string };
  migrations: { name: string };
  text_documents: { id: number; scope: string; words: string };
  vocabulary: { scope: string; word: string; documents: number };
}

/**
 * The declaration of a read model in the definition of a service: its tables as a type, and the folder with
 * the SQL that creates them.
 */
export class ReadModel<T> {
  /** Only a type: the tables. */
  declare readonly tables: T;

  constructor(
    readonly options: {
      /** A read model of another version is built again: raise it when the same events give other rows. */
      readonly version: number;
      /**
       * The path of the folder with the migrations, numbered SQL files such as `001-products.sql`, relative
       * to the root of the project. They must be valid in every database of components/read-store.
       */
      readonly migrations: readonly string[];
    },
  ) {}
}
