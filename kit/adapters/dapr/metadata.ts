import { Metadata } from '@grpc/grpc-js';
import { z } from 'zod';
import { ROLES, anonymous } from '../../core/caller';
import type { Clock } from '../../core/clock';
import { type CallContext, REQUEST_BUDGET_MS, newCallContext } from '../../core/call-context';
import { type PublishedEvent } from '../../core/execution';

/**
 * The metadata keys of a call context. Services of other versions read them, so they must not
 * change.
 */
const KEY = {
  cause: 'x-cause-id',
  correlation: 'x-correlation-id',
  request: 'x-request-id',
  trace: 'traceparent',
  user: 'x-user-id',
  role: 'x-user-role',
  tenant: 'x-tenant-id',
  owner: 'x-user-owner',
  respondAsync: 'x-respond-async',
  keyed: 'x-keyed',
  forwardedFor: 'x-forwarded-for',
  target: 'x-gateway-service',
} as const;

/** The caller that a callee assumes if the metadata names none. */
const DEFAULT_CALLER = anonymous();

const PUBLISHED_KEY = 'x-events-said';
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
  const { role, tenantId } = callContext.caller;
  if (role !== DEFAULT_CALLER.role) metadata.set(KEY.role, role);
  if (tenantId !== DEFAULT_CALLER.tenantId) metadata.set(KEY.tenant, tenantId);
  if (callContext.requestId !== '') metadata.set(KEY.request, callContext.requestId);
  const { userId, ownerId = '' } = callContext.caller;
  if (userId !== '') metadata.set(KEY.user, userId);
  if (ownerId !== '') metadata.set(KEY.owner, ownerId);
  if (callContext.respondAsync) metadata.set(KEY.respondAsync, 'true');
  if (callContext.hasIdempotencyKey) metadata.set(KEY.keyed, 'true');
  if (callContext.forwardedFor !== '') {
    metadata.set(KEY.forwardedFor, callContext.forwardedFor);
    metadata.set(KEY.target, appId);
  }
  return metadata;
}

/**
 * The call context of a received call. Missing fields get the defaults of new work; the deadline is at
 * most the request budget.
 */
export function callContextFromMetadata(
  metadata: Metadata,
  deadline: unknown,
  clock: Clock,
): CallContext {
  const last = (key: string): string | undefined => {
    // of several values, the last is that of the nearest sidecar
    const value = metadata.get(key).at(-1);
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const fields = {
    id: last(KEY.cause),
    correlationId: last(KEY.correlation),
    requestId: last(KEY.request),
    traceparent: last(KEY.trace),
  };
  const role = ROLES.find((name) => name === last(KEY.role)) ?? DEFAULT_CALLER.role;
  const ownerId = last(KEY.owner);
  const requested = deadline instanceof Date ? deadline.getTime() : deadline;
  const latest = clock.now() + REQUEST_BUDGET_MS;
  return newCallContext(clock, {
    ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)),
    deadline:
      typeof requested === 'number' && Number.isFinite(requested)
        ? Math.min(requested, latest)
        : latest,
    caller: {
      userId: last(KEY.user) ?? '',
      role,
      tenantId: last(KEY.tenant) ?? DEFAULT_CALLER.tenantId,
      ...(ownerId === undefined ? {} : { ownerId }),
    },
    respondAsync: last(KEY.respondAsync) === 'true',
    hasIdempotencyKey: last(KEY.keyed) === 'true',
    // sidecars append their own addresses
    forwardedFor: String(metadata.get(KEY.forwardedFor)[0] ?? '').split(',', 1)[0] ?? '',
  });
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
