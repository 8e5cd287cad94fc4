import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { Networks } from './client-address';
import { parseWith } from './schema-errors';

/** The environment variables do not match the schema. The message lists every error. */
export class ConfigError extends Error {
  constructor(
    /** Each begins with the name of its variable. */
    readonly errors: readonly string[],
  ) {
    super(`invalid configuration:\n${errors.map((error) => `  ${error}`).join('\n')}`);
    this.name = 'ConfigError';
  }
}

/**
 * Reads the environment variables that the schema names. An empty variable counts as absent. Throws a
 * ConfigError; its message never repeats a value, because it may be a secret.
 */
export function readConfig<S extends z.ZodObject>(
  schema: S,
  env: NodeJS.ProcessEnv = process.env,
): z.output<S> {
  const present = Object.entries(env).filter(([, value]) => value !== '');
  const { data, errors } = parseWith(schema, Object.fromEntries(present));
  if (errors === undefined) return data;
  throw new ConfigError(errors.map(({ field, message }) => `${field} ${message}`.trim()));
}

/** The schema of a variable that holds a whole number from `min` to `max`. */
export function integerVariable(min: number, max: number) {
  return z
    .string()
    .regex(/^\d{1,15}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(min).max(max));
}

/** A TCP port; 0 selects a free one. */
export const Port = integerVariable(0, 65_535);

/** The variables that the kit reads for every service. A service adds its own to its definition. */
export const KitConfig = z.object({
  /** The HTTP port of /health and /metrics, and of the gateway's API. */
  PORT: Port,
  /** The port of the gRPC server. The gateway has none. */
  APP_PORT: Port.optional(),
  /** The port for message streams of external clients, if the service accepts them. */
  INGEST_PORT: Port.optional(),
  /** The proxies in front of that port, which name the address of each client. */
  INGEST_TRUSTED_PROXIES: Networks,
  DAPR_HTTP_PORT: Port,
  DAPR_GRPC_PORT: Port,
  /** The address to listen on: 0.0.0.0 in a container. */
  HOST: z.string().default('127.0.0.1'),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  /** The token that the sidecar must present when it calls the service, if set. */
  APP_API_TOKEN: z.string().optional(),
  /** The token that the service presents when it calls its sidecar. */
  DAPR_API_TOKEN: z.string().optional(),
  /**
   * The folder with the keys of the services (kit/security/service-keys.ts). With them services sign
   * their events and tokens, and the edge the assertions of users.
   */
  SERVICE_KEYS: z.string(),
  /**
   * What proves which service makes a call. `token`: a service token. `sidecar`: the certificate of the
   * caller's sidecar, which the access list of this service's sidecar checks (mTLS).
   */
  SERVICE_IDENTITY: z.enum(['token', 'sidecar']).default('token'),
  /**
   * The file that lists which services call which (kit/security/call-permissions.ts). If set, other
   * calls are refused.
   */
  SERVICE_CALLS: z.string().optional(),
  /** The file that lists the publishers of each topic (kit/security/event-publishers.ts). */
  EVENT_PUBLISHERS: z.string().default(() => packageFile('components', 'publishers.json')),
  /**
   * Which signature an event must have: that of its source (`required`), that or none (`optional`, while
   * services that do not sign yet are replaced), or any (`off`: events are not signed either).
   */
  EVENT_SIGNATURES: z.enum(['required', 'optional', 'off']).default('required'),
  /**
   * The file of components/read-store that declares the database of read models. Required by services that
   * have one.
   */
  READ_STORE: z.string().optional(),
  /** Where that database is, and its account, if the file does not say it. */
  READ_STORE_HOST: z.string().optional(),
  READ_STORE_PORT: z.string().optional(),
  READ_STORE_USER: z.string().optional(),
  READ_STORE_PASSWORD: z.string().optional(),
  READ_STORE_DATABASE: z.string().optional(),
  /** A server-side key. If set, flags come from a flag server; until it answers, from the file. */
  FLAGSMITH_KEY: z.string().startsWith('ser.').optional(),
  FLAGSMITH_URL: z.url().optional(),
  FLAGS_FILE: z.string().default(() => packageFile('deploy', 'flags.json')),
  SERVICE_VERSION: z.string().default(packageVersion),
  /** Identifies one replica of the service. */
  INSTANCE_ID: z.string().default(() => `${hostname()}:${process.pid}`),
  /** Seconds that running executions and requests get to finish after SIGTERM. */
  STOP_SECONDS: integerVariable(0, 3_600).default(25),
});
export type KitConfig = z.output<typeof KitConfig>;

/** The absolute path of a file in the project's root folder. */
export function packageFile(...path: readonly string[]): string {
  const found = findPackageJSON('..', __filename);
  if (found === undefined) throw new Error('no package.json above the kit');
  return join(dirname(found), ...path);
}

function packageVersion(): string {
  const Package = z.object({ version: z.string() });
  return Package.parse(JSON.parse(readFileSync(packageFile('package.json'), 'utf8'))).version;
}
