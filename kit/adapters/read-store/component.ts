import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { ConfigError, integerVariable } from '../../core/config';
import { parseWith } from '../../core/schema-errors';
import type { ReadStore } from '../../read-store/read-store';
import { PostgresqlReadStore } from './postgresql';
import { SqliteReadStore } from './sqlite';

const Component = z.object({
  kind: z.literal('ReadStore'),
  spec: z.object({
    type: z.enum(['readstore.sqlite', 'readstore.postgresql']),
    metadata: z.array(
      z.strictObject({
        name: z.string(),
        value: z.string().default(''),
        /** An environment variable that takes precedence over the value, if it is set. */
        envRef: z.string().optional(),
      }),
    ),
  }),
});

const SqliteMetadata = z.strictObject({ folder: z.string().min(1) });
const PostgresqlMetadata = z.strictObject({
  host: z.string().min(1),
  port: integerVariable(1, 65_535),
  user: z.string().min(1),
  password: z.string(),
  database: z.string().min(1),
  maxConns: integerVariable(1, 1_000),
});

/**
 * Opens the read store that a file of components/read-store declares, for the read model of an app. Throws a
 * ConfigError that names the file and the wrong fields. It does not wait for the database.
 */
export function openReadStore(
  file: string | undefined,
  app: string,
  env: NodeJS.ProcessEnv,
): ReadStore {
  if (file === undefined) throw new ConfigError(['READ_STORE is missing']);
  const { spec } = checked(Component, parse(read(file)), file);
  const metadata = Object.fromEntries(
    spec.metadata.map(({ name, value, envRef = '' }) => [name, env[envRef] ?? value]),
  );
  if (spec.type === 'readstore.sqlite') {
    return new SqliteReadStore(checked(SqliteMetadata, metadata, file).folder, app);
  }
  const { maxConns, ...server } = checked(PostgresqlMetadata, metadata, file);
  return new PostgresqlReadStore({ ...server, maxConnections: maxConns });
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    throw new ConfigError([`READ_STORE names ${file}, which cannot be read`]);
  }
}

function checked<S extends z.ZodType>(schema: S, value: unknown, file: string): z.output<S> {
  const { data, errors } = parseWith(schema, value);
  if (errors === undefined) return data;
  throw new ConfigError(errors.map(({ field, message }) => `${file}: ${field} ${message}`));
}
