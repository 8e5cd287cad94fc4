import { randomUUID } from 'node:crypto';
import { type Caller, anonymous } from './caller';
import type { Clock } from './clock';
import type { Precondition } from './precondition';
import { nextTraceparent } from './trace';

/** The cause, caller and deadline of work. It travels with every call, event and command. */
export interface CallContext {
  /**
   * The id of this work. A repetition has the same id, so each of its effects has the same id too
   * and happens once.
   */
  readonly id: string;
  readonly correlationId: string;
  /** The id of the request at the edge; empty if there was none. */
  readonly requestId: string;
  readonly traceparent: string;
  /** Epoch milliseconds. No step begins after it. */
  readonly deadline: number;
  readonly caller: Caller;
  /**
   * The edge's signed proof that the caller, a user, has made the request; empty for other callers. A
   * secret: never log or store it. See kit/security/user-assertions.ts.
   */
  readonly assertion: string;
  /** Whether the caller accepts a 202 instead of waiting for the result of a command. */
  readonly respondAsync: boolean;
  /** The client's condition for the change that the call makes. It is not passed on by the callee. */
  readonly precondition?: Precondition;
  /** Whether `id` comes from a client's Idempotency-Key, which is valid for 24 h. */
  readonly hasIdempotencyKey: boolean;
  /**
   * The client's IP address at the edge; empty if there was none. Personal data: never log or store
   * it.
   */
  readonly forwardedFor: string;
}

/** The longest that one request at the edge may take in total, in milliseconds. */
export const REQUEST_BUDGET_MS = 30_000;

/**
 * A call context with the given fields. By default it starts new work: a random id, a new trace, the
 * full request budget and an anonymous caller.
 */
export function newCallContext(clock: Clock, fields: Partial<CallContext> = {}): CallContext {
  const id = fields.id ?? randomUUID();
  return {
    id,
    correlationId: fields.correlationId ?? id,
    requestId: fields.requestId ?? '',
    traceparent: nextTraceparent(fields.traceparent),
    deadline: fields.deadline ?? clock.now() + REQUEST_BUDGET_MS,
    caller: fields.caller ?? anonymous(),
    assertion: fields.assertion ?? '',
    respondAsync: fields.respondAsync ?? false,
    ...(fields.precondition && { precondition: fields.precondition }),
    hasIdempotencyKey: fields.hasIdempotencyKey ?? false,
    forwardedFor: fields.forwardedFor ?? '',
  };
}
