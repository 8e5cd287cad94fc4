import pino from 'pino';

export type Log = pino.Logger;

/** Fields that are never written, wherever they stand in what is logged. */
const SECRET = ['password', 'token', 'authorization', 'email', 'phone', 'deliveryAddress', 'address'];

/**
 * JSON lines: `{timestamp, level, service, requestId, correlationId, message, duration, ...}`,
 * `duration` in milliseconds.
 */
export function createLog(service: string, level: string, stream?: pino.DestinationStream): Log {
  const options: pino.LoggerOptions = {
    level,
    base: { service },
    messageKey: 'message',
    timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: SECRET.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), remove: true },
  };
  return stream === undefined ? pino(options) : pino(options, stream);
}

/** A log that keeps nothing. */
export const silentLog: Log = pino({ level: 'silent' });
