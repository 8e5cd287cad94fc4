import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { packageFile } from '../core/config';
import type { Migration } from './read-store';

const NAME = /^\d{3}-[a-z0-9-]+\.sql$/;

/** The migrations in a folder of the project, in the order of their numbers. */
export function readMigrations(path: readonly string[]): Migration[] {
  const folder = packageFile(...path);
  return readdirSync(folder)
    .sort()
    .map((name) => {
      if (!NAME.test(name)) throw new Error(`${name} is not named like 001-products.sql`);
      return { name, sql: readFileSync(join(folder, name), 'utf8') };
    });
}
