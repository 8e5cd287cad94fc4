import { isoTime } from '#kit/core/clock';
import { type Coding, codingFor, endCompressed, isCompressible } from './compression';
import { type Conditions, isKnown } from './conditions';
import { entityTagOf, formatTag } from './entity-tag';
import type { ErrorBody } from './errors';
import type { EdgeResponse } from './types';

const JSON_TYPE = 'application/json';
/** RFC 9457; sent only if the client prefers it to JSON. */
const PROBLEM_TYPE = 'application/problem+json';

/** The time that a breaker stays open (components/resiliency.yaml): an earlier retry fails again. */
const RETRY_AFTER_SECONDS = '5';

/**
 * Sends data in the envelope. A successful GET or HEAD has an ETag and is answered as its conditions say, if
 * need be with 304 or 412 (thrown); after a change, the ETag is that of the changed record.
 */
export function sendData(
  response: EdgeResponse,
  status: number,
  data: unknown,
  conditions: Conditions,
): void {
  const { requestId, clock } = response.locals;
  const json = JSON.stringify(data);
  const rest = `"requestId":"${requestId}","timestamp":"${isoTime(clock)}"`;
  const text = `{"success":true,"data":${json},${rest}}`;
  const coding = negotiate(response, text);
  const updatedAt = updatedAtOf(data);
  const isRead = ['GET', 'HEAD'].includes(response.req.method);
  response.status(status);
  if (isRead || updatedAt !== undefined) {
    const tag = entityTagOf(json, updatedAt, coding);
    response.setHeader('etag', formatTag(tag));
    if (isRead) {
      if (isKnown(conditions, tag, updatedAt)) response.status(304);
      response.setHeader('cache-control', 'private, no-cache');
      if (response.statusCode === 304) {
        response.end();
        return;
      }
    }
  }
  send(response, JSON_TYPE, text, coding);
}

/** The time of the last change in the data of a single resource. */
function updatedAtOf(data: unknown): string | undefined {
  if (typeof data !== 'object' || data === null || !('updatedAt' in data)) return undefined;
  return typeof data.updatedAt === 'string' ? data.updatedAt : undefined;
}

/** Sends an error in the envelope, or as a problem if the client prefers that. */
export function sendError(response: EdgeResponse, body: ErrorBody): void {
  const { requestId, clock } = response.locals;
  const { statusCode, error, details } = body;
  if (statusCode === 401) response.set('www-authenticate', 'Bearer');
  if (statusCode === 503 && !response.hasHeader('retry-after')) {
    response.set('retry-after', RETRY_AFTER_SECONDS);
  }
  const timestamp = isoTime(clock);
  response.status(statusCode);
  if (response.req.accepts([JSON_TYPE, PROBLEM_TYPE]) === PROBLEM_TYPE) {
    const problem = { title: error, status: statusCode, requestId, timestamp, details };
    const text = JSON.stringify({ type: 'about:blank', ...problem });
    send(response, PROBLEM_TYPE, text, negotiate(response, text));
  } else {
    const envelope = { success: false, error, statusCode, requestId, timestamp, details };
    const text = JSON.stringify(envelope);
    send(response, JSON_TYPE, text, negotiate(response, text));
  }
}

/** The coding in which a text is sent. */
function negotiate(response: EdgeResponse, text: string): Coding | 'identity' {
  if (!isCompressible(response, Buffer.byteLength(text))) return 'identity';
  response.vary('accept-encoding');
  return codingFor(response.req);
}

/** Like `response.send`, without its detection of the type and the encoding. */
function send(
  response: EdgeResponse,
  type: string,
  text: string,
  coding: Coding | 'identity',
): void {
  const isHead = response.req.method === 'HEAD';
  response.setHeader('content-type', `${type}; charset=utf-8`);
  if (coding === 'identity') {
    response.setHeader('content-length', Buffer.byteLength(text));
    if (isHead) response.end();
    else response.end(text);
    return;
  }
  response.setHeader('content-encoding', coding);
  if (isHead) response.end();
  else endCompressed(response, coding, text);
}
