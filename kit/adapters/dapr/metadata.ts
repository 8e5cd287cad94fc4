import { Metadata } from '@grpc/grpc-js';
import { z } from 'zod';
import { ROLES, anonymous } from '../../core/caller';
import type { Clock } from '../../core/clock';
import { type CallContext, REQUEST_BUDGET_MS, newCallContext } from '../../core/call-context';
import { type PublishedEvent } from '../../core/execution';

/** The names under which a cause travels with a call. */
const NAME = {
  cause: 'x-cause-id',
  correlation: 'x-correlation-id',
  request: 'x-request-id',
  trace: 'traceparent',
  user: 'x-user-id',
  role: 'x-user-role',
  tenant: 'x-tenant-id',
  respondAsync: 'x-respond-async',
  keyed: 'x-keyed',
  forwardedFor: 'x-forwarded-for',
  target: 'x-gateway-service',
} as const;

/** Whom a callee takes for the caller where nothing is said. */
const NOBODY = anonymous();

const SAID = 'x-events-said';
const SaidList = z.array(z.object({ type: z.string(), at: z.string() }));

/**
 * `appId` is who is called. What a callee assumes anyway is not said: each entry is copied
 * four times on its way out, and read at every hop.
 */
export function callContextToMetadata(callContext: CallContext, appId: string): Metadata {
  const metadata = new Metadata();
  metadata.set(NAME.cause, callContext.id);
  metadata.set(NAME.correlation, callContext.correlationId);
  metadata.set(NAME.trace, callContext.traceparent);
  const { role, tenantId } = callContext.caller;
  if (role !== NOBODY.role) metadata.set(NAME.role, role);
  if (tenantId !== NOBODY.tenantId) metadata.set(NAME.tenant, tenantId);
  if (callContext.requestId !== '') metadata.set(NAME.request, callContext.requestId);
  if (callContext.caller.userId !== '') metadata.set(NAME.user, callContext.caller.userId);
  if (callContext.respondAsync) metadata.set(NAME.respondAsync, 'true');
  if (callContext.hasIdempotencyKey) metadata.set(NAME.keyed, 'true');
  if (callContext.forwardedFor !== '') {
    metadata.set(NAME.forwardedFor, callContext.forwardedFor);
    metadata.set(NAME.target, appId);
  }
  return metadata;
}

/** The cause of a call that arrived; what is missing is made up as for the start of something new. */
export function callContextFromMetadata(
  metadata: Metadata,
  deadline: unknown,
  clock: Clock,
): CallContext {
  const one = (name: string): string | undefined => {
    // where there are several, the last is the nearest sidecar's
    const value = metadata.get(name).at(-1);
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const given = {
    id: one(NAME.cause),
    correlationId: one(NAME.correlation),
    requestId: one(NAME.request),
    traceparent: one(NAME.trace),
  };
  const role = ROLES.find((known) => known === one(NAME.role)) ?? NOBODY.role;
  const at = deadline instanceof Date ? deadline.getTime() : deadline;
  const latest = clock.now() + REQUEST_BUDGET_MS;
  return newCallContext(clock, {
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    deadline: typeof at === 'number' && Number.isFinite(at) ? Math.min(at, latest) : latest,
    caller: { userId: one(NAME.user) ?? '', role, tenantId: one(NAME.tenant) ?? NOBODY.tenantId },
    respondAsync: one(NAME.respondAsync) === 'true',
    hasIdempotencyKey: one(NAME.keyed) === 'true',
    // sidecars add their own addresses after it
    forwardedFor: String(metadata.get(NAME.forwardedFor)[0] ?? '').split(',', 1)[0] ?? '',
  });
}

export function setPublished(metadata: Metadata, said: readonly PublishedEvent[]): void {
  if (said.length > 0) metadata.set(SAID, JSON.stringify(said));
}

export function getPublished(metadata: Metadata): PublishedEvent[] {
  const [value] = metadata.get(SAID);
  if (typeof value !== 'string') return [];
  const parsed = SaidList.safeParse(JSON.parse(value));
  return parsed.success ? parsed.data : [];
}
