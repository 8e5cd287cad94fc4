import { Metadata } from '@grpc/grpc-js';
import { z } from 'zod';
import { type Caller, anonymous, asService, isUser } from '../../core/caller';
import type { Clock } from '../../core/clock';
import { type CallContext, REQUEST_BUDGET_MS, newCallContext } from '../../core/call-context';
import { rethrowAsUnreadable } from '../../core/errors';
import { type PublishedEvent } from '../../core/execution';
import { Precondition } from '../../core/precondition';

/**
 * The metadata keys of a call context. Services of other versions read them, so they must not
 * change. The role and the tenant are those of a service or an anonymous caller, and believed if the caller
 * is a declared service. Those of a user are in its assertion.
 */
const KEY = {
  cause: 'x-cause-id',
  correlation: 'x-correlation-id',
  request: 'x-request-id',
  trace: 'traceparent',
  assertion: 'x-user-assertion',
  role: 'x-user-role',
  tenant: 'x-tenant-id',
  respondAsync: 'x-respond-async',
  keyed: 'x-keyed',
  precondition: 'x-precondition',
  forwardedFor: 'x-forwarded-for',
  target: 'x-gateway-service',
} as const;

/** The caller that a callee assumes if the metadata states none. */
const DEFAULT_CALLER = anonymous();

const PUBLISHED_KEY = 'x-events-published';
const PublishedEvents = z.array(z.object({ type: z.string(), at: z.string() }));

/**
 * The metadata of a call to `appId`. Defaults are omitted: each entry is copied four times before it is
 * sent, and parsed at every hop.
 */
export function callContextToMetadata(callContext: CallContext, appId: string): Metadata {
  const metadata = new Metadata();
  metadata.set(KEY.cause, callContext.id);
  metadata.set(KEY.correlation, callContext.correlationId);
  metadata.set(KEY.trace, callContext.traceparent);
  const { caller } = callContext;
  if (isUser(caller)) {
    // without it the callee takes the caller for an anonymous one
    if (callContext.assertion !== '') metadata.set(KEY.assertion, callContext.assertion);
  } else {
    if (caller.role !== DEFAULT_CALLER.role) metadata.set(KEY.role, caller.role);
    if (caller.tenantId !== DEFAULT_CALLER.tenantId) metadata.set(KEY.tenant, caller.tenantId);
  }
  if (callContext.requestId !== '') metadata.set(KEY.request, callContext.requestId);
  if (callContext.respondAsync) metadata.set(KEY.respondAsync, 'true');
  if (callContext.hasIdempotencyKey) metadata.set(KEY.keyed, 'true');
  const { precondition } = callContext;
  if (precondition !== undefined) metadata.set(KEY.precondition, JSON.stringify(precondition));
  if (callContext.forwardedFor !== '') {
    metadata.set(KEY.forwardedFor, callContext.forwardedFor);
    metadata.set(KEY.target, appId);
  }
  return metadata;
}

/** The caller of a call as its metadata states it. */
export interface StatedCaller {
  /** The proof of a user; empty if there is none. */
  readonly assertion: string;
  /** The caller if there is no proof: a service that acts for itself, or an anonymous caller. */
  readonly otherwise: Caller;
}

export function statedCaller(metadata: Metadata): StatedCaller {
  const tenantId = lastText(metadata, KEY.tenant);
  return {
    assertion: lastText(metadata, KEY.assertion) ?? '',
    otherwise:
      lastText(metadata, KEY.role) === 'service' ? asService(tenantId) : anonymous(tenantId),
  };
}

/** The value of a key. Of several, the last is that of the nearest sidecar. Empty values are absent. */
export function lastText(metadata: Metadata, key: string): string | undefined {
  const value = metadata.get(key).at(-1);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/**
 * The call context of a received call, whose caller was verified. Missing fields get the defaults of new work; the deadline is at
 * most the request budget.
 */
export function callContextFromMetadata(
  metadata: Metadata,
  deadline: unknown,
  clock: Clock,
  caller: Pick<CallContext, 'caller' | 'assertion'>,
): CallContext {
  const last = (key: string) => lastText(metadata, key);
  const fields = {
    id: last(KEY.cause),
    correlationId: last(KEY.correlation),
    requestId: last(KEY.request),
    traceparent: last(KEY.trace),
  };
  const requested = deadline instanceof Date ? deadline.getTime() : deadline;
  const latest = clock.now() + REQUEST_BUDGET_MS;
  return newCallContext(clock, {
    ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)),
    deadline:
      typeof requested === 'number' && Number.isFinite(requested)
        ? Math.min(requested, latest)
        : latest,
    ...caller,
    respondAsync: last(KEY.respondAsync) === 'true',
    hasIdempotencyKey: last(KEY.keyed) === 'true',
    ...preconditionIn(last(KEY.precondition)),
    // sidecars append their own addresses
    forwardedFor: String(metadata.get(KEY.forwardedFor)[0] ?? '').split(',', 1)[0] ?? '',
  });
}

/** Throws for a condition that cannot be read: a change must not be made without it. */
function preconditionIn(text: string | undefined): Pick<CallContext, 'precondition'> {
  if (text === undefined) return {};
  return { precondition: rethrowAsUnreadable(() => Precondition.parse(JSON.parse(text))) };
}

/** Adds the events that were published during a call to its trailers. */
export function setPublished(trailers: Metadata, published: readonly PublishedEvent[]): void {
  if (published.length > 0) trailers.set(PUBLISHED_KEY, JSON.stringify(published));
}

/** The events that were published during a call, from its trailers. */
export function getPublished(trailers: Metadata): PublishedEvent[] {
  const [value] = trailers.get(PUBLISHED_KEY);
  if (typeof value !== 'string') return [];
  const parsed = PublishedEvents.safeParse(JSON.parse(value));
  return parsed.success ? parsed.data : [];
}
