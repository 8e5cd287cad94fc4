import { setTimeout as wait } from 'node:timers/promises';
import { BaseOfflineHandler, Flagsmith, LocalFileHandler } from 'flagsmith-nodejs';
import { LRUCache } from 'lru-cache';
import type { Caller } from '../core/caller';
import { validateFlagsDocument, readFlagsFile } from './flags-document';
import { type Log, silentLog } from '../core/log';

/** Feature flags, evaluated for one tenant and user. */
export interface Flags {
  /** Whether the flag is on; false if it is unknown. */
  enabled(feature: string): Promise<boolean>;
  /** The flag's value; undefined if it is unknown, off or has none. */
  value(feature: string): Promise<string | number | boolean | undefined>;
}

export interface FlagSource {
  /** The flags of a caller. Evaluating them never throws. */
  for(caller: Caller): Flags;
  /**
   * Resolves when the server has answered, at the latest after a second. Without a server,
   * immediately.
   */
  ready(): Promise<void>;
  close(): Promise<void>;
}

export interface FlagsOptions {
  /** The path of a Flagsmith environment document. It is read again when it changes. */
  file: string;
  log: Log;
  /**
   * A flag server. Once it has answered, it takes precedence over the file for the flags that it
   * knows.
   */
  server?: { key: string; url?: string };
  /** The interval at which the file is read, in milliseconds. 2 s by default. */
  filePollMs?: number;
  /** The interval of requests to the server, in milliseconds. 10 s by default. */
  serverPollMs?: number;
}

/** The longest that a start waits for the server. */
const READY_MS = 1_000;
const REQUEST_SECONDS = 5;

/**
 * Reads the flags and keeps them current. Throws an Error that names the file and its errors if the file
 * is invalid at the start. Later an invalid file is logged and the last valid one stays in use.
 */
export function createFlags(options: FlagsOptions): FlagSource {
  const { log } = options;
  const file = fromFile(options);
  const server = options.server === undefined ? undefined : fromServer(options.server, options);
  const warned = new Set<string>();
  const warnOnce = (message: string, fields: object) => {
    if (warned.has(message)) return;
    warned.add(message);
    log.warn(fields, message);
  };

  const find = async (caller: Caller, feature: string) => {
    const sources =
      server?.hasAnswered() === true ? [server.environment, file.environment] : [file.environment];
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
      await Promise.race([server.firstAnswer, wait(READY_MS, undefined, { ref: false })]);
    },
    close: async () => {
      file.close();
      await server?.close();
    },
  };
}

type Evaluated = Awaited<ReturnType<Flagsmith['getIdentityFlags']>>;
const MAX_IDENTITIES = 5_000;

/** An environment document, with the cached flags of the identities used last. */
class Environment {
  readonly #evaluated = new LRUCache<string, Promise<Evaluated>>({ max: MAX_IDENTITIES });

  constructor(private readonly client: Flagsmith) {}

  evaluate({ tenantId, userId, role }: Caller): Promise<Evaluated> {
    const identity = userId === '' ? tenantId : `${tenantId}:${userId}`;
    const key = `${role} ${identity}`;
    const cached = this.#evaluated.get(key);
    if (cached !== undefined) return cached;
    const evaluated = this.client.getIdentityFlags(identity, {
      tenant: tenantId,
      role,
      ...(userId === '' ? {} : { user: userId }),
    });
    this.#evaluated.set(key, evaluated);
    return evaluated;
  }

  /** Drops the cached flags after a change of the document. */
  invalidate(): void {
    this.#evaluated.clear();
  }
}

/** The document as it was last read from the file. */
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
  let lastError = '';

  // The file is polled and not watched: a mounted file is replaced by swapping a link in a folder above
  // it, which a watcher of the file does not notice.
  const timer = setInterval(() => {
    try {
      const current = readFlagsFile(file);
      if (current === text) return;
      validateFlagsDocument(file, current);
      document.read();
      text = current;
      lastError = '';
      environment.invalidate();
      log.info({ file }, 'flags file read again');
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (message !== lastError)
        log.warn({ failure: message }, 'flags file is invalid; flags are unchanged');
      lastError = message;
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
  let hasAnswered = false;
  let isAnswering: boolean | undefined;

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
    // called after each request to the server
    onEnvironmentChange: (error) => {
      if (closing.signal.aborted) return;
      if (error === null) {
        hasAnswered = true;
        environment.invalidate();
        if (isAnswering !== true) log.info('flags come from the server');
      } else if (isAnswering !== false) {
        const source = hasAnswered ? 'its last answer' : 'the file';
        log.warn({ err: error }, `the flag server does not answer; flags come from ${source}`);
      }
      isAnswering = error === null;
    },
  });
  const environment = new Environment(client);

  return {
    environment,
    hasAnswered: () => hasAnswered,
    firstAnswer: client.updateEnvironment(),
    close: async () => {
      closing.abort();
      await client.close();
    },
  };
}
