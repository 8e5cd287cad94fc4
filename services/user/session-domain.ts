import { createHash } from 'node:crypto';
import { z } from 'zod';
import { isoTimeAt } from '#kit/core/clock';
import { SESSION_MAX_MS, SESSION_MS } from './timeouts';

/** Devices on which a user can be signed in. One more signs out the least recently used one. */
const MAX_SESSIONS = 10;

const Time = z.iso.datetime();

const Session = z.object({
  sessionId: z.string(),
  /** Hash of the only refresh token that is valid now. */
  tokenHash: z.string(),
  /** Absent in sessions that were stored before their lifetime was limited: see `startOf`. */
  startedAt: Time.optional(),
  /** When tokens were last issued. */
  lastUsedAt: Time.optional(),
  expiresAt: Time,
});
export type Session = z.infer<typeof Session>;

/** The sessions of a user, the most recently used one last. */
export const Sessions = z.object({ sessions: z.array(Session) });
export type Sessions = z.infer<typeof Sessions>;

/** The sessions that were revoked in one time slice. */
export const RevokedSessions = z.object({
  /** Number of the slice, counted from the epoch. */
  slice: z.int(),
  sessions: z.array(z.object({ sessionId: z.string(), endedAt: z.iso.datetime() })),
});

/** A session whose tokens are issued now. It started at `startedAt`, in milliseconds since the epoch. */
export function newSession(
  sessionId: string,
  secret: string,
  at: number,
  startedAt = at,
): Required<Session> {
  return {
    sessionId,
    tokenHash: hashSecret(secret),
    startedAt: isoTimeAt(startedAt),
    lastUsedAt: isoTimeAt(at),
    expiresAt: isoTimeAt(Math.min(at + SESSION_MS, startedAt + SESSION_MAX_MS)),
  };
}

/**
 * When a session started, in milliseconds since the epoch. If that was not stored: when its tokens were
 * last issued.
 */
export function startOf({ startedAt, expiresAt }: Session): number {
  return startedAt === undefined ? Date.parse(expiresAt) - SESSION_MS : Date.parse(startedAt);
}

/** The session with this id, unless it has expired. */
export function findSession(
  { sessions }: Sessions,
  sessionId: string,
  at: number,
): Session | undefined {
  const known = sessions.find((session) => session.sessionId === sessionId);
  return known === undefined || Date.parse(known.expiresAt) <= at ? undefined : known;
}

/**
 * Whether a refresh token is the current one of its session or an earlier one. A secret that was never
 * issued for the session (`wasIssued`) proves nothing, and must have no effect on the session.
 */
export function refreshTokenState(
  session: Session | undefined,
  secret: string,
  wasIssued: boolean,
): 'current' | 'reused' | 'unknown' {
  if (session === undefined) return 'unknown';
  if (session.tokenHash === hashSecret(secret)) return 'current';
  return wasIssued ? 'reused' : 'unknown';
}

export function withSession(now: Sessions, session: Session, at: number): Sessions {
  const others = withoutSessions(now, [session.sessionId]).sessions;
  return { sessions: [...others.filter(({ expiresAt }) => Date.parse(expiresAt) > at), session] };
}

/** The same object if it contains none of the sessions. */
export function withoutSessions(now: Sessions, sessionIds: readonly string[]): Sessions {
  const left = now.sessions.filter(({ sessionId }) => !sessionIds.includes(sessionId));
  return left.length === now.sessions.length ? now : { sessions: left };
}

/** The least recently used sessions beyond the limit. */
export function sessionsOverLimit({ sessions }: Sessions): string[] {
  return sessions.slice(0, -MAX_SESSIONS).map(({ sessionId }) => sessionId);
}

/** A fast hash is enough for a secret of 256 random bits, because it cannot be guessed. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}
