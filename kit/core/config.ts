import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { parseWith } from './schema-errors';

/** The environment does not say what the service needs; the message lists every fault. */
export class ConfigError extends Error {
  constructor(
    /** Each begins with the name of its variable. */
    readonly errors: readonly string[],
  ) {
    super(`the configuration is not usable:\n${errors.map((fault) => `  ${fault}`).join('\n')}`);
    this.name = 'ConfigError';
  }
}

/**
 * Reads a configuration from environment variables: those that the schema names; an empty one
 * counts as absent. Throws a ConfigError, in which no value is repeated: it may be a secret.
 */
export function readConfig<S extends z.ZodObject>(
  schema: S,
  env: NodeJS.ProcessEnv = process.env,
): z.output<S> {
  const given = Object.entries(env).filter(([, value]) => value !== '');
  const { data, errors } = parseWith(schema, Object.fromEntries(given));
  if (errors === undefined) return data;
  throw new ConfigError(errors.map(({ field, message }) => `${field} ${message}`.trim()));
}

/** A whole number in a variable, `min` to `max`. */
export function integerVariable(min: number, max: number) {
  return z
    .string()
    .regex(/^\d{1,15}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(min).max(max));
}

/** A port; 0 takes any that is free. */
export const Port = integerVariable(0, 65_535);

/** What the kit reads for every service. A service's own variables: `KitConfig.extend(...)`. */
export const KitConfig = z.object({
  /** Of /health and /metrics, and of the edge's API. */
  PORT: Port,
  /** Of the gRPC server; the edge has none. */
  APP_PORT: Port.optional(),
  /** Of streams of messages from outside, where a service takes them. */
  INGEST_PORT: Port.optional(),
  DAPR_HTTP_PORT: Port,
  DAPR_GRPC_PORT: Port,
  /** The address to listen on: 0.0.0.0 in a container. */
  HOST: z.string().default('127.0.0.1'),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  /** Shown by the sidecar when it calls the service, and checked if it is set. */
  APP_API_TOKEN: z.string().optional(),
  /** Shown by the service when it calls its sidecar. */
  DAPR_API_TOKEN: z.string().optional(),
  /**
   * The folder of keys by which services show which one they are (kit/service-keys.ts), where no
   * certificates of their sidecars do: without it, whoever reaches a service is taken for one.
   */
  SERVICE_KEYS: z.string().optional(),
  /** The file that tells who calls whom (kit/service-calls.ts): others are refused, if it is set. */
  SERVICE_CALLS: z.string().optional(),
  /** With a key, feature flags come from a server, and from the file until it answers. */
  FLAGSMITH_KEY: z.string().startsWith('ser.').optional(),
  FLAGSMITH_URL: z.url().optional(),
  FLAGS_FILE: z.string().default(() => packageFile('deploy', 'flags.json')),
  SERVICE_VERSION: z.string().default(packageVersion),
  /** Tells the processes of one service apart. */
  INSTANCE_ID: z.string().default(() => `${hostname()}:${process.pid}`),
  /** Seconds that what is being done may still take once the service is told to stop. */
  STOP_SECONDS: integerVariable(0, 3_600).default(25),
});
export type KitConfig = z.output<typeof KitConfig>;

/** A file of the project, wherever it was installed. */
export function packageFile(...path: readonly string[]): string {
  const found = findPackageJSON('..', __filename);
  if (found === undefined) throw new Error('no package.json above the kit');
  return join(dirname(found), ...path);
}

function packageVersion(): string {
  const Package = z.object({ version: z.string() });
  return Package.parse(JSON.parse(readFileSync(packageFile('package.json'), 'utf8'))).version;
}
