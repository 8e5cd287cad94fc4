import pino from 'pino';
import { isoTimeAt } from './clock';

export type Log = pino.Logger;

/** Names of fields that are never written, wherever they stand in what is logged. */
const SECRET = /password|token|secret|authorization|cookie|api-?key|e-?mail|phone|address/i;

/** Lines are written together, at the latest after so long; what a process that is killed had left is lost. */
const WRITE_MS = 250;
/** Or when there are so many; the stream writes at most 16 KiB at once. */
const WRITE_BYTES = 16_000;

/**
 * Lines are gathered here, not in the stream: with each it would measure, and so copy, all that it
 * holds. At the end of the process the stream is flushed, and so what is here.
 */
function standardOutput(): pino.DestinationStream {
  const stream = pino.destination({ dest: 1, sync: false });
  const write = stream.write.bind(stream);
  const flushSync = stream.flushSync.bind(stream);
  let lines = '';
  let due: NodeJS.Timeout | undefined;
  const handOver = () => {
    clearTimeout(due);
    due = undefined;
    const all = lines;
    lines = '';
    if (all !== '') write(all);
  };
  stream.write = (line) => {
    lines += line;
    if (lines.length >= WRITE_BYTES) handOver();
    // a process that has nothing to say is not woken for it
    else due ??= setTimeout(handOver, WRITE_MS).unref();
    return true;
  };
  stream.flushSync = () => {
    // what it is given now it must not begin to write in its own time: there is none left
    Reflect.set(stream, 'minLength', Infinity);
    handOver();
    flushSync();
    Reflect.set(stream, 'minLength', 0);
  };
  return stream;
}

/** A file that is only ever added to, each line at once, for nobody else to read. */
export function fileStream(path: string): pino.DestinationStream {
  return pino.destination({ dest: path, append: true, mkdir: true, sync: true, mode: 0o600 });
}

type ChildOf = (this: Log, bindings: pino.Bindings, given?: pino.ChildLoggerOptions) => Log;

/**
 * JSON lines: `{timestamp, level, service, requestId, correlationId, message, duration, ...}`,
 * `duration` in milliseconds.
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
    // an error is a plain object by then
    serializers: { err: (error: unknown) => error },
  };
  const log = pino(options, stream);
  // pino's type is for levels of one's own as well, of which there are none
  const child = Reflect.get(log, 'child') as unknown as ChildOf;
  // What a child holds goes through no formatter: it is looked at here, once. To redact it by paths
  // would look for them in each line.
  return Object.assign(log, {
    child(this: Log, bindings: pino.Bindings, given?: pino.ChildLoggerOptions): Log {
      return child.call(this, withoutSecrets(bindings), given);
    },
  });
}

/** A log that keeps nothing. */
export const silentLog: Log = pino({ level: 'silent' });

/** No line needs more; what goes round in a circle ends here too. */
const MAX_VALUES = 1_000;

/** Of the names of fields, which are few and come again and again; at most so many are kept. */
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
  let left = MAX_VALUES;
  const cleaned = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    if (left-- <= 0) return '...';
    if (Array.isArray(value)) return value.map(cleaned);
    if (value instanceof Error) return fields(pino.stdSerializers.err(value));
    if (writesItself(value)) return cleaned(value.toJSON());
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

/** Whether it is to be written as it is, like most lines. */
function isPlain(line: Record<string, unknown>): boolean {
  for (const name in line) {
    const value = line[name];
    if ((typeof value === 'object' && value !== null) || isSecret(name)) return false;
  }
  return true;
}

function writesItself(value: object): value is { toJSON(): unknown } {
  return 'toJSON' in value && typeof value.toJSON === 'function';
}
