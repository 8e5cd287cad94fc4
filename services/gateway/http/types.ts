import type { Request, Response } from 'express';
import type { Caller } from '#kit/core/caller';
import type { Clock } from '#kit/core/clock';
import type { AuditFacts } from '#kit/core/errors';
import type { Trail } from './headers';

/** State of a request, in `response.locals`. */
export interface RequestState extends Trail {
  readonly clock: Clock;
  /** The pattern of the route. Logs and metrics use it, as the number of real paths is unbounded. */
  endpoint: string;
  /** Parameters of the path. */
  params: Readonly<Record<string, string>>;
  caller: Caller;
  /** Whether the audit log records the request even if it succeeds: see auth/audit-log.ts. */
  privileged: boolean;
  /** Facts of the response, or of the error, for the audit log. */
  facts?: AuditFacts;
}

export type EdgeRequest = Request<
  Record<string, string>,
  unknown,
  unknown,
  Record<string, unknown>,
  RequestState & Record<string, unknown>
>;
export type EdgeResponse = Response<unknown, RequestState & Record<string, unknown>>;
