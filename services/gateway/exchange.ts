import type { Request, Response } from 'express';
import type { Caller } from '#kit/caller';
import { type Clock, isoTime } from '#kit/clock';
import type { Refusal } from './errors';
import type { Trail } from './headers';

/** What is known of a request while it is answered. */
export interface Known extends Trail {
  readonly clock: Clock;
  /** The pattern of the route, for logs and figures: a path itself would be one of ever so many. */
  endpoint: string;
  caller: Caller;
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

export function sendData(response: EdgeResponse, status: number, data: unknown): void {
  const { requestId, clock } = response.locals;
  response.status(status).json({ success: true, data, requestId, timestamp: isoTime(clock) });
}

export function sendRefusal(response: EdgeResponse, refusal: Refusal): void {
  const { requestId, clock } = response.locals;
  const { statusCode, error, details } = refusal;
  if (statusCode === 401) response.set('www-authenticate', 'Bearer');
  if (statusCode === 503) response.set('retry-after', RETRY_AFTER_SECONDS);
  const body = { success: false, error, statusCode, timestamp: isoTime(clock), requestId, details };
  response.status(statusCode).json(body);
}
