import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { EdgeError } from './errors';

/** Ids that connect a request with its log lines, events and trace. */
export interface Trail {
  readonly requestId: string;
  readonly correlationId: string;
  readonly traceparent: string | undefined;
}

const ID = /^[\w-]{1,64}$/;
const VISIBLE = /^[\x21-\x7e]{1,128}$/;

/** The ids of the client if they are well formed, since others could forge log lines; else new ones. */
export function trailOf(headers: IncomingHttpHeaders): Trail {
  const requestId = idIn(headers['x-request-id']) ?? `req_${randomUUID()}`;
  return {
    requestId,
    correlationId: idIn(headers['x-correlation-id']) ?? requestId,
    traceparent: single(headers['traceparent']),
  };
}

/** The Idempotency-Key. Throws 400 if it is malformed. */
export function idempotencyKeyOf(headers: IncomingHttpHeaders): string | undefined {
  const key = single(headers['idempotency-key']);
  if (key === undefined || VISIBLE.test(key)) return key;
  const message = 'must be 1 to 128 visible ASCII characters';
  throw new EdgeError(400, `idempotency-key ${message}`, {
    fields: [{ field: 'idempotency-key', message }],
  });
}

/** Whether the client accepts 202 before the work is done (RFC 7240). */
export function prefersAsync(headers: IncomingHttpHeaders): boolean {
  return (single(headers['prefer']) ?? '')
    .split(',')
    .some((preference) => /^\s*respond-async\s*(;|$)/i.test(preference));
}

function idIn(header: string | string[] | undefined): string | undefined {
  const id = single(header);
  return id !== undefined && ID.test(id) ? id : undefined;
}

/** A header that was sent twice is joined with a comma, which none of the patterns here accepts. */
function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(', ') : header;
}
