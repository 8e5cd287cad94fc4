import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { EdgeError } from './errors';

/** By what a request is found again. */
export interface Trail {
  readonly requestId: string;
  readonly correlationId: string;
  readonly traceparent: string | undefined;
}

const ID = /^[\w-]{1,64}$/;
const VISIBLE = /^[\x21-\x7e]{1,128}$/;

/** The client's ids where they are of the right form; others could forge lines of a log. */
export function trailOf(headers: IncomingHttpHeaders): Trail {
  const requestId = idIn(headers['x-request-id']) ?? `req_${randomUUID()}`;
  return {
    requestId,
    correlationId: idIn(headers['x-correlation-id']) ?? requestId,
    traceparent: one(headers['traceparent']),
  };
}

export function idempotencyKeyOf(headers: IncomingHttpHeaders): string | undefined {
  const key = one(headers['idempotency-key']);
  if (key === undefined || VISIBLE.test(key)) return key;
  const message = 'must be 1 to 128 visible ASCII characters';
  throw new EdgeError(400, `idempotency-key ${message}`, {
    fields: [{ field: 'idempotency-key', message }],
  });
}

/** Whether the client takes "accepted" for an answer (RFC 7240). */
export function prefersAsync(headers: IncomingHttpHeaders): boolean {
  return (one(headers['prefer']) ?? '')
    .split(',')
    .some((preference) => /^\s*respond-async\s*(;|$)/i.test(preference));
}

function idIn(header: string | string[] | undefined): string | undefined {
  const id = one(header);
  return id !== undefined && ID.test(id) ? id : undefined;
}

/** A header given twice comes joined by a comma, which no form here takes. */
function one(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(', ') : header;
}
