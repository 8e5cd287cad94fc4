import { hash } from 'node:crypto';
import type { Request, Response } from 'express';
import type { Caller } from '#kit/core/caller';
import { type Clock, isoTime } from '#kit/core/clock';
import type { ErrorAnswer } from './errors';
import type { Trail } from './headers';
import { LARGE_BYTES, packed } from './security-headers';

const JSON_TYPE = 'application/json';
/** Told to who asks for it before JSON (RFC 9457). */
const PROBLEM_TYPE = 'application/problem+json';

/** What is known of a request while it is answered. */
export interface Known extends Trail {
  readonly clock: Clock;
  /** The pattern of the route, for logs and figures: a path itself would be one of ever so many. */
  endpoint: string;
  /** What its path names. */
  params: Readonly<Record<string, string>>;
  caller: Caller;
  /** Whether the route is for a few: see audit.ts. */
  privileged: boolean;
}

export type EdgeRequest = Request<
  Record<string, string>,
  unknown,
  unknown,
  Record<string, unknown>,
  Known & Record<string, unknown>
>;
export type EdgeResponse = Response<unknown, Known & Record<string, unknown>>;

/** As long as a breaker stays open (components/resiliency.yaml): who asks sooner is refused again. */
const RETRY_AFTER_SECONDS = '5';

/**
 * Answers with data. What was read has an ETag of the data alone, as each answer has an id and a
 * time of its own; whoever has it already gets 304.
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

export function sendRefusal(response: EdgeResponse, refusal: ErrorAnswer): void {
  const { requestId, clock } = response.locals;
  const { statusCode, error, details } = refusal;
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
    const told = { success: false, error, statusCode };
    send(response, JSON_TYPE, JSON.stringify({ ...told, requestId, timestamp, details }));
  }
}

/** As Express sends a text, of which the type and the encoding are known. */
function send(response: EdgeResponse, type: string, text: string): void {
  const { req: request } = response;
  const bytes = Buffer.byteLength(text);
  response.setHeader('content-type', `${type}; charset=utf-8`);
  response.setHeader('content-length', bytes);
  if (request.method === 'HEAD') response.end();
  else if (bytes < LARGE_BYTES) response.end(text);
  else {
    packed(request, response, () => {
      response.end(text);
    });
  }
}
