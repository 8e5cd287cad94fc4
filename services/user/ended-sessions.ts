import { type Timestamp, timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { z } from 'zod';
import { requireRole } from '#kit/core/caller';
import type { GetEndedSessionsRequest } from '#proto/retail/user/v1/user_pb';
import { TOKEN_MS } from './key-ring';
import type { Context } from './definition';

/** So long sessions that end are written into one document, and then into the next. */
const SLICE_MS = 10 * 60_000;
/** As many as a token lives, one more for who comes late; then the first is used again. */
const SLICES = TOKEN_MS / SLICE_MS + 2;

/** The sessions that ended in one slice of time. */
export const EndedSessions = z.object({
  /** Counted since the epoch. */
  slice: z.int(),
  sessions: z.array(z.object({ sessionId: z.string(), endedAt: z.iso.datetime() })),
});

/** Makes known that sessions are over, so that their tokens are refused while they are good yet. */
export async function ended(
  sessionIds: readonly string[],
  { endedSessions, clock }: Context,
): Promise<void> {
  const slice = sliceOf(clock.now());
  const endedAt = new Date(clock.now()).toISOString();
  await endedSessions.decide(keyOf(slice), (now) => {
    const current = now?.slice === slice ? now : { slice, sessions: [] };
    const known = new Set(current.sessions.map(({ sessionId }) => sessionId));
    const added = sessionIds.filter((id) => !known.has(id));
    const sessions = [...current.sessions, ...added.map((sessionId) => ({ sessionId, endedAt }))];
    const document = added.length === 0 ? current : { slice, sessions };
    // an id that is there tells that it was added
    return { document, outcome: undefined, selfIdempotent: true };
  });
}

/** Answers which sessions have ended that may have tokens that are good yet. */
export async function getEndedSessions(request: GetEndedSessionsRequest, context: Context) {
  const { caller, clock, endedSessions } = context;
  requireRole(caller, 'service');
  const now = clock.now();
  const asked = request.since === undefined ? 0 : timestampMs(request.since);
  const since = Math.max(asked, now - TOKEN_MS);
  const found: { sessionId: string; until: Timestamp }[] = [];
  for (let slice = sliceOf(since); slice <= sliceOf(now); slice++) {
    const document = await endedSessions.get(keyOf(slice));
    if (document?.slice !== slice) continue;
    for (const { sessionId, endedAt } of document.sessions) {
      const at = Date.parse(endedAt);
      if (at < since) continue;
      found.push({ sessionId, until: timestampFromMs(at + TOKEN_MS) });
    }
  }
  return { sessions: found, asOf: timestampFromMs(now) };
}

const sliceOf = (at: number) => Math.floor(at / SLICE_MS);

const keyOf = (slice: number) => String(slice % SLICES);
