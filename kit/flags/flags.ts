import { setTimeout as wait } from 'node:timers/promises';
import { BaseOfflineHandler, Flagsmith, LocalFileHandler } from 'flagsmith-nodejs';
import type { Caller } from '../core/caller';
import { validateFlagsDocument, readFlagsFile } from './flags-document';
import { type Log, silentLog } from '../core/log';

/** Feature flags, evaluated for the tenant and user of a handling. */
export interface Flags {
  /** Off where the flag is unknown. */
  enabled(feature: string): Promise<boolean>;
  /** The flag's value; undefined where it is unknown, off or has none. */
  value(feature: string): Promise<string | number | boolean | undefined>;
}

export interface FlagSource {
  /** The flags of a caller. Asking them never throws. */
  for(caller: Caller): Flags;
  /** Settles when the server has answered, or after a second without it; at once without a server. */
  ready(): Promise<void>;
  close(): Promise<void>;
}

export interface FlagsOptions {
  /** A Flagsmith environment document. It is read again when it changes. */
  file: string;
  log: Log;
  /** Takes precedence over the file, for the flags that it knows, once it has answered. */
  server?: { key: string; url?: string };
  /** How often the file is looked at, in milliseconds. */
  filePollMs?: number;
  /** How often the server is asked, in milliseconds. */
  serverPollMs?: number;
}

/** Longest that a start waits for the server. */
const READY_MS = 1_000;
const REQUEST_SECONDS = 5;

/**
 * Where feature flags come from. Throws an Error that names the file and its faults where the
 * file is unusable; later a broken file is logged, and the last good one stays in force.
 */
export function createFlags(options: FlagsOptions): FlagSource {
  const { log } = options;
  const file = fromFile(options);
  const server = options.server === undefined ? undefined : fromServer(options.server, options);
  const warned = new Set<string>();
  const warnOnce = (message: string, facts: object) => {
    if (warned.has(message)) return;
    warned.add(message);
    log.warn(facts, message);
  };

  const find = async (caller: Caller, feature: string) => {
    const sources =
      server?.known() === true ? [server.environment, file.environment] : [file.environment];
    for (const environment of sources) {
      try {
        const { flags } = await environment.evaluate(caller);
        if (Object.hasOwn(flags, feature)) return flags[feature];
      } catch (error) {
        warnOnce('flags cannot be evaluated', { err: error });
      }
    }
    warnOnce(`flag ${feature} is unknown, so it is off`, { feature });
    return undefined;
  };

  return {
    for: (caller) => ({
      enabled: async (feature) => (await find(caller, feature))?.enabled ?? false,
      value: async (feature) => {
        const flag = await find(caller, feature);
        return flag?.enabled === true ? (flag.value ?? undefined) : undefined;
      },
    }),
    ready: async () => {
      if (server === undefined) return;
      await Promise.race([server.asked, wait(READY_MS, undefined, { ref: false })]);
    },
    close: async () => {
      file.close();
      await server?.close();
    },
  };
}

type Evaluated = Awaited<ReturnType<Flagsmith['getIdentityFlags']>>;
const MAX_IDENTITIES = 5_000;

/** One environment document and what came out of it for each identity, the last few thousand. */
class Environment {
  readonly #evaluated = new Map<string, Promise<Evaluated>>();

  constructor(private readonly client: Flagsmith) {}

  evaluate({ tenantId, userId, role }: Caller): Promise<Evaluated> {
    const identity = userId === '' ? tenantId : `${tenantId}:${userId}`;
    const key = `${role} ${identity}`;
    const evaluated =
      this.#evaluated.get(key) ??
      this.client.getIdentityFlags(identity, {
        tenant: tenantId,
        role,
        ...(userId === '' ? {} : { user: userId }),
      });
    // a map keeps the order of insertion, so the first one is the least recently used
    this.#evaluated.delete(key);
    this.#evaluated.set(key, evaluated);
    for (const oldest of this.#evaluated.keys()) {
      if (this.#evaluated.size <= MAX_IDENTITIES) break;
      this.#evaluated.delete(oldest);
    }
    return evaluated;
  }

  changed(): void {
    this.#evaluated.clear();
  }
}

/** The document that was last read from the file. */
class FileDocument extends BaseOfflineHandler {
  #handler: LocalFileHandler;

  constructor(private readonly file: string) {
    super();
    this.#handler = new LocalFileHandler(file);
  }

  read(): void {
    this.#handler = new LocalFileHandler(this.file);
  }

  override getEnvironment() {
    return this.#handler.getEnvironment();
  }
}

function fromFile({ file, log, filePollMs = 2_000 }: FlagsOptions) {
  let text = readFlagsFile(file);
  validateFlagsDocument(file, text);
  const document = new FileDocument(file);
  const client = new Flagsmith({
    offlineMode: true,
    offlineHandler: document,
    logger: silentLog,
  });
  const environment = new Environment(client);
  let fault = '';

  // Read and compared, not watched: a mounted file is changed by swapping a link above it, which
  // a watch of the file does not see.
  const timer = setInterval(() => {
    try {
      const now = readFlagsFile(file);
      if (now === text) return;
      validateFlagsDocument(file, now);
      document.read();
      text = now;
      fault = '';
      environment.changed();
      log.info({ file }, 'flags read again');
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (message !== fault) log.warn({ fault: message }, 'flags stay as they were');
      fault = message;
    }
  }, filePollMs);
  timer.unref();

  return {
    environment,
    close: () => {
      clearInterval(timer);
    },
  };
}

function fromServer(
  { key, url }: NonNullable<FlagsOptions['server']>,
  { log, serverPollMs = 10_000 }: FlagsOptions,
) {
  const closing = new AbortController();
  let known = false;
  let answers: boolean | undefined;

  const client = new Flagsmith({
    environmentKey: key,
    ...(url === undefined ? {} : { apiUrl: url }),
    enableLocalEvaluation: true,
    environmentRefreshIntervalSeconds: serverPollMs / 1000,
    requestTimeoutSeconds: REQUEST_SECONDS,
    retries: 0,
    logger: silentLog,
    fetch: (input, init) => {
      const signals = [closing.signal, ...(init?.signal == null ? [] : [init.signal])];
      return fetch(input, { ...init, signal: AbortSignal.any(signals) });
    },
    // told after each time that the server was asked
    onEnvironmentChange: (error) => {
      if (closing.signal.aborted) return;
      if (error === null) {
        known = true;
        environment.changed();
        if (answers !== true) log.info('flags come from the server');
      } else if (answers !== false) {
        const from = known ? 'its last answer' : 'the file';
        log.warn({ err: error }, `the flag server does not answer; flags come from ${from}`);
      }
      answers = error === null;
    },
  });
  const environment = new Environment(client);

  return {
    environment,
    known: () => known,
    asked: client.updateEnvironment(),
    close: async () => {
      closing.abort();
      await client.close();
    },
  };
}
