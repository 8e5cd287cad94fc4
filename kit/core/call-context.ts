import { randomUUID } from 'node:crypto';
import { type Caller, anonymous } from './caller';
import type { Clock } from './clock';
import { nextTraceparent } from './trace';

/** Why something is done, and until when: handed on through every call, event and command. */
export interface CallContext {
  /**
   * The identity of this piece of work. The same work asked twice has the same id, so each of
   * its effects has the same identity too, and is done once.
   */
  readonly id: string;
  readonly correlationId: string;
  /** The request at the edge, if there was one. */
  readonly requestId: string;
  readonly traceparent: string;
  /** Milliseconds since the epoch; no new step begins after it. */
  readonly deadline: number;
  readonly caller: Caller;
  /** Whether the caller takes "accepted" for an answer instead of waiting for the outcome. */
  readonly respondAsync: boolean;
  /** Whether the client chose the identity, by an Idempotency-Key: then it is known for a day. */
  readonly hasIdempotencyKey: boolean;
  /** The address of the client at the edge, if there was one. Personal: for no log and no document. */
  readonly forwardedFor: string;
}

/** A request's budget: the longest that one request at the edge may take in all. */
export const REQUEST_BUDGET_MS = 30_000;

export function newCallContext(clock: Clock, given: Partial<CallContext> = {}): CallContext {
  const id = given.id ?? randomUUID();
  return {
    id,
    correlationId: given.correlationId ?? id,
    requestId: given.requestId ?? '',
    traceparent: nextTraceparent(given.traceparent),
    deadline: given.deadline ?? clock.now() + REQUEST_BUDGET_MS,
    caller: given.caller ?? anonymous(),
    respondAsync: given.respondAsync ?? false,
    hasIdempotencyKey: given.hasIdempotencyKey ?? false,
    forwardedFor: given.forwardedFor ?? '',
  };
}
