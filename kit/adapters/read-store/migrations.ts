import type { Kysely } from 'kysely';
import type { KitTables, Migration } from '../../read-store/read-store';
import { kitTables } from '../../read-store/vocabulary';

// SQL that every database of components/read-store accepts.

export const CONTROL_TABLES = `
  create table if not exists generations (
    model text not null,
    generation integer not null,
    version integer not null,
    state text not null,
    done integer not null,
    total integer not null,
    position text not null,
    holder text not null,
    lease bigint not null,
    primary key (model, generation)
  );
  create table if not exists tenants (
    model text not null,
    tenant text not null,
    primary key (model, tenant)
  );
`;

export const KIT_TABLES = `
  create table applied (
    stream text not null,
    subject text not null,
    sequence bigint not null,
    event text not null,
    primary key (stream, subject)
  );
  create table migrations (name text primary key);
`;

/** Applies the migrations that were not applied yet, in the order of their names. */
export async function migrate<T>(
  db: Kysely<T>,
  migrations: readonly Migration[],
  run: (script: string) => Promise<void>,
): Promise<void> {
  const tables: Kysely<KitTables> = kitTables(db);
  const applied = await tables.selectFrom('migrations').select('name').execute();
  const names = new Set(applied.map(({ name }) => name));
  for (const { name, sql } of migrations) {
    if (names.has(name)) continue;
    // the name is a file of the project: see readMigrations
    await run(`begin; ${sql}; insert into migrations (name) values ('${name}'); commit`);
  }
}
