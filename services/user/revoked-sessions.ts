import { type Timestamp, timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { requireRole } from '#kit/core/caller';
import { isoTime } from '#kit/core/clock';
import type { GetEndedSessionsRequest } from '#proto/retail/user/v1/user_pb';
import type { Context } from './definition';
import { ACCESS_TOKEN_MS } from './timeouts';

/** Revoked sessions of this long are stored in one document. */
const SLICE_MS = 10 * 60_000;
/**
 * Number of documents. They cover the lifetime of an access token and one slice for late readers; then
 * the first one is overwritten.
 */
const SLICES = ACCESS_TOKEN_MS / SLICE_MS + 2;

/** Records sessions as revoked, so that gateways refuse their access tokens before they expire. */
export async function recordRevocation(
  sessionIds: readonly string[],
  { endedSessions, clock }: Context,
): Promise<void> {
  const slice = sliceOf(clock.now());
  const endedAt = isoTime(clock);
  await endedSessions.decide(keyOf(slice), (now) => {
    const current = now?.slice === slice ? now : { slice, sessions: [] };
    const known = new Set(current.sessions.map(({ sessionId }) => sessionId));
    const added = sessionIds.filter((id) => !known.has(id));
    const sessions = [...current.sessions, ...added.map((sessionId) => ({ sessionId, endedAt }))];
    const document = added.length === 0 ? current : { slice, sessions };
    // the session id in the document shows that it was added
    return { document, outcome: undefined, selfIdempotent: true };
  });
}

/** Returns the sessions revoked since a time whose access tokens may not have expired yet. */
export async function getEndedSessions(request: GetEndedSessionsRequest, context: Context) {
  const { caller, clock, endedSessions } = context;
  requireRole(caller, 'service');
  const now = clock.now();
  const requested = request.since === undefined ? 0 : timestampMs(request.since);
  const since = Math.max(requested, now - ACCESS_TOKEN_MS);
  const found: { sessionId: string; until: Timestamp }[] = [];
  for (let slice = sliceOf(since); slice <= sliceOf(now); slice++) {
    const document = await endedSessions.get(keyOf(slice));
    if (document?.slice !== slice) continue;
    for (const { sessionId, endedAt } of document.sessions) {
      const at = Date.parse(endedAt);
      if (at < since) continue;
      found.push({ sessionId, until: timestampFromMs(at + ACCESS_TOKEN_MS) });
    }
  }
  return { sessions: found, asOf: timestampFromMs(now) };
}

const sliceOf = (at: number) => Math.floor(at / SLICE_MS);

const keyOf = (slice: number) => String(slice % SLICES);
