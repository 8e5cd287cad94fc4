import { createHash } from 'node:crypto';
import { z } from 'zod';
import { isoTimeAt } from '#kit/core/clock';
import { SESSION_MS } from './timeouts';

/** Devices on which a user can be signed in. One more signs out the least recently used one. */
const MAX_SESSIONS = 10;

const Session = z.object({
  sessionId: z.string(),
  /** Hash of the only refresh token that is valid now. */
  tokenHash: z.string(),
  expiresAt: z.iso.datetime(),
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

export function newSession(sessionId: string, secret: string, at: number): Session {
  const expiresAt = isoTimeAt(at + SESSION_MS);
  return { sessionId, tokenHash: hashSecret(secret), expiresAt };
}

/** Whether a refresh token is the current one of its session or an earlier one. */
export function refreshTokenState(
  { sessions }: Sessions,
  sessionId: string,
  secret: string,
  at: number,
): 'current' | 'reused' | 'unknown' {
  const known = sessions.find((session) => session.sessionId === sessionId);
  if (known === undefined || Date.parse(known.expiresAt) <= at) return 'unknown';
  return known.tokenHash === hashSecret(secret) ? 'current' : 'reused';
}

export function withSession(now: Sessions, session: Session, at: number): Sessions {
  const others = withoutSessions(now, [session.sessionId]).sessions;
  return { sessions: [...others.filter(({ expiresAt }) => Date.parse(expiresAt) > at), session] };
}

export function withoutSessions(now: Sessions, sessionIds: readonly string[]): Sessions {
  return { sessions: now.sessions.filter(({ sessionId }) => !sessionIds.includes(sessionId)) };
}

/** The least recently used sessions beyond the limit. */
export function sessionsOverLimit({ sessions }: Sessions): string[] {
  return sessions.slice(0, -MAX_SESSIONS).map(({ sessionId }) => sessionId);
}

/** A fast hash is enough for a secret of 256 random bits, because it cannot be guessed. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}
