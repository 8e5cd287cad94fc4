import { hash } from 'node:crypto';
import { isoTime } from '#kit/core/clock';
import { LARGE_BYTES, compress } from './compression';
import type { ErrorBody } from './errors';
import type { EdgeResponse } from './types';

const JSON_TYPE = 'application/json';
/** RFC 9457; sent only if the client prefers it to JSON. */
const PROBLEM_TYPE = 'application/problem+json';

/** The time that a breaker stays open (components/resiliency.yaml): an earlier retry fails again. */
const RETRY_AFTER_SECONDS = '5';

/**
 * Sends data in the envelope. A successful GET or HEAD gets a weak ETag of the data alone, since each
 * envelope has its own id and time, and answers 304 if the client's If-None-Match matches.
 */
export function sendData(response: EdgeResponse, status: number, data: unknown): void {
  const { requestId, clock } = response.locals;
  const { req: request } = response;
  const json = JSON.stringify(data);
  response.status(status);
  if (status === 200 && (request.method === 'GET' || request.method === 'HEAD')) {
    const etag = `W/"${hash('sha1', json, 'base64url')}"`;
    response.setHeader('etag', etag);
    response.setHeader('cache-control', 'private, no-cache');
    if (request.fresh) {
      response.status(304).end();
      return;
    }
  }
  const rest = `"requestId":"${requestId}","timestamp":"${isoTime(clock)}"`;
  send(response, JSON_TYPE, `{"success":true,"data":${json},${rest}}`);
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
    send(response, PROBLEM_TYPE, JSON.stringify({ type: 'about:blank', ...problem }));
  } else {
    const envelope = { success: false, error, statusCode, requestId, timestamp, details };
    send(response, JSON_TYPE, JSON.stringify(envelope));
  }
}

/** Like `response.send`, without its detection of the type and the encoding. */
function send(response: EdgeResponse, type: string, text: string): void {
  const { req: request } = response;
  const bytes = Buffer.byteLength(text);
  response.setHeader('content-type', `${type}; charset=utf-8`);
  response.setHeader('content-length', bytes);
  if (request.method === 'HEAD') response.end();
  else if (bytes < LARGE_BYTES) response.end(text);
  else {
    compress(request, response, () => {
      response.end(text);
    });
  }
}
