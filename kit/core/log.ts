import pino from 'pino';
import { isoTimeAt } from './clock';

export type Log = pino.Logger;

/** Fields with such names are never written, at any depth. */
const SECRET = /password|token|secret|authorization|cookie|api-?key|e-?mail|phone|address/i;

/** Lines are buffered this long, in milliseconds. A process that is killed loses its buffer. */
const FLUSH_MS = 250;
/** Or until the buffer has this many characters; the stream writes at most 16 KiB at a time. */
const FLUSH_BYTES = 16_000;

/**
 * Lines are buffered here instead of in pino's stream, which measures and so copies its whole buffer
 * for each line. When the process exits, pino flushes the stream, and with it this buffer.
 */
function standardOutput(): pino.DestinationStream {
  const stream = pino.destination({ dest: 1, sync: false });
  const write = stream.write.bind(stream);
  const flushSync = stream.flushSync.bind(stream);
  let lines = '';
  let timer: NodeJS.Timeout | undefined;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    const buffered = lines;
    lines = '';
    if (buffered !== '') write(buffered);
  };
  stream.write = (line) => {
    lines += line;
    if (lines.length >= FLUSH_BYTES) flush();
    // a timer on demand: an idle process is not woken
    else timer ??= setTimeout(flush, FLUSH_MS).unref();
    return true;
  };
  stream.flushSync = () => {
    // the process is exiting: keep the stream from starting an asynchronous write
    Reflect.set(stream, 'minLength', Infinity);
    flush();
    flushSync();
    Reflect.set(stream, 'minLength', 0);
  };
  return stream;
}

/** An append-only file, readable by its owner only. Each line is written synchronously. */
export function fileStream(path: string): pino.DestinationStream {
  return pino.destination({ dest: path, append: true, mkdir: true, sync: true, mode: 0o600 });
}

type CreateChild = (this: Log, bindings: pino.Bindings, options?: pino.ChildLoggerOptions) => Log;

/**
 * JSON lines: `{timestamp, level, service, requestId, correlationId, message, duration, ...}`,
 * `duration` in milliseconds. Fields whose names suggest a secret or personal data are left out.
 */
export function createLog(service: string, level: string, stream = standardOutput()): Log {
  const options: pino.LoggerOptions = {
    level,
    base: { service },
    messageKey: 'message',
    timestamp: () => `,"timestamp":"${isoTimeAt(Date.now())}"`,
    formatters: {
      level: (label) => ({ level: label }),
      log: withoutSecrets,
    },
    // formatters.log has turned the error into a plain object
    serializers: { err: (error: unknown) => error },
  };
  const log = pino(options, stream);
  // pino's type also covers custom levels, which are not used here
  const createChild = Reflect.get(log, 'child') as unknown as CreateChild;
  // No formatter sees the bindings of a child, so they are cleaned here, once. pino's redaction paths
  // would be looked up for each line.
  return Object.assign(log, {
    child(this: Log, bindings: pino.Bindings, childOptions?: pino.ChildLoggerOptions): Log {
      return createChild.call(this, withoutSecrets(bindings), childOptions);
    },
  });
}

/** A log that writes nothing. */
export const silentLog: Log = pino({ level: 'silent' });

/** The most objects that are written in one line. It also ends circular references. */
const MAX_OBJECTS = 1_000;

/** Field names are few and recur, so the result for each is cached; for at most this many. */
const MAX_NAMES = 1_000;
const secrecy = new Map<string, boolean>();

function isSecret(name: string): boolean {
  let secret = secrecy.get(name);
  if (secret === undefined) {
    secret = SECRET.test(name);
    if (secrecy.size < MAX_NAMES) secrecy.set(name, secret);
  }
  return secret;
}

function withoutSecrets(line: Record<string, unknown>): Record<string, unknown> {
  if (isPlain(line)) return line;
  let remaining = MAX_OBJECTS;
  const cleaned = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    if (remaining-- <= 0) return '...';
    if (Array.isArray(value)) return value.map(cleaned);
    if (value instanceof Error) return fields(pino.stdSerializers.err(value));
    if (hasToJson(value)) return cleaned(value.toJSON());
    return fields(value);
  };
  const fields = (value: object): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(value)
        .filter(([name]) => !isSecret(name))
        .map(([name, inner]) => [name, cleaned(inner)]),
    );
  return fields(line);
}

/** Whether the line needs no cleaning, as most do. */
function isPlain(line: Record<string, unknown>): boolean {
  for (const name in line) {
    const value = line[name];
    if ((typeof value === 'object' && value !== null) || isSecret(name)) return false;
  }
  return true;
}

function hasToJson(value: object): value is { toJSON(): unknown } {
  return 'toJSON' in value && typeof value.toJSON === 'function';
}
