import { createHash } from 'node:crypto';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { z } from 'zod';
import type { Decision } from '#kit/documents';
import { Code, MicroserviceError } from '#kit/errors';
import { checked } from '#kit/validate';
import type { LogoutRequest, RefreshRequest } from '#proto/retail/user/v1/user_pb';
import type { User } from './domain';
import { ended } from './ended-sessions';
import { newSecret, newToken } from './keys';
import type { UserContext } from './service';

/** How long somebody stays signed in who does not come back. */
export const SESSION_MS = 30 * 24 * 3_600_000;
/** So many devices may somebody be signed in on; the one that was away longest is signed out. */
const MAX_SESSIONS = 10;

const Session = z.object({
  sessionId: z.string(),
  /** Of the one refresh token that is good now. */
  tokenHash: z.string(),
  expiresAt: z.iso.datetime(),
});
type Session = z.infer<typeof Session>;

/** Where a user is signed in, the latest use last. */
export const Sessions = z.object({ sessions: z.array(Session) });
export type Sessions = z.infer<typeof Sessions>;

/** `<userId>.<sessionId>.<secret>`: where it is looked up, and what proves it. */
const RefreshToken = z.object({
  refreshToken: z.string().regex(/^[\w-]{1,64}\.[\w-]{1,64}\.[\w-]{43}$/, 'has the wrong form'),
});

/** Signs a user in on one more device: what the answer to a login tells. */
export async function signedIn(user: User, context: UserContext) {
  const { sessions, clock, newId } = context;
  const sessionId = newId('session');
  const secret = await newSecret(`refresh ${sessionId}`, context);
  const session = fresh(sessionId, secret, clock.now());
  const { outcome: dropped } = await sessions.decide(user.userId, (now = { sessions: [] }) => {
    const document = withSession(now, session, clock.now());
    return { document, outcome: droppedFrom(now, document) };
  });
  await ended(dropped, context);
  return answerTo(user, session, secret, context);
}

/**
 * Changes a refresh token for a new pair of tokens. Each is good once: one that comes a second time
 * was copied, and whoever has it or its successors is signed out.
 */
export async function refresh(request: RefreshRequest, context: UserContext) {
  const { users, sessions, clock, log } = context;
  const { userId, sessionId, secret: given } = parts(request);
  const secret = await newSecret(`refresh ${sessionId} ${hashed(given)}`, context);
  const next = fresh(sessionId, secret, clock.now());
  const { outcome } = await sessions.decide(userId, (now = { sessions: [] }) =>
    rotated(now, next, hashed(given), clock.now()),
  );
  if (outcome === 'reused') {
    await ended([sessionId], context);
    log.warn({ userId, sessionId }, 'a refresh token was used twice');
  }
  const user = outcome === 'rotated' ? await users.get(userId) : undefined;
  if (user === undefined) throw notSignedIn();
  return answerTo(user, next, secret, context);
}

/** Ends a session. One that is over is no fault: whoever asks is signed out. */
export async function logout(request: LogoutRequest, context: UserContext) {
  const { sessions, clock } = context;
  const { userId, sessionId, secret } = parts(request);
  const now = (await sessions.get(userId)) ?? { sessions: [] };
  const { outcome } = rotated(now, fresh(sessionId, '', 0), hashed(secret), clock.now());
  if (outcome === 'unknown') return {};
  // first, as by the session alone it is known who may end it
  await ended([sessionId], context);
  await sessions.update(userId, (now = { sessions: [] }) => without(now, sessionId));
  return {};
}

type Outcome = 'rotated' | 'reused' | 'unknown';

/** The sessions with another token in the stead of the one that was shown. */
function rotated(
  now: Sessions,
  next: Session,
  shown: string,
  at: number,
): Decision<Sessions, Outcome> {
  const known = now.sessions.find(({ sessionId }) => sessionId === next.sessionId);
  if (known === undefined || Date.parse(known.expiresAt) <= at) {
    return { document: now, outcome: 'unknown' };
  }
  if (known.tokenHash !== shown) {
    return { document: without(now, next.sessionId), outcome: 'reused' };
  }
  return { document: withSession(now, next, at), outcome: 'rotated' };
}

function withSession(now: Sessions | undefined, session: Session, at: number): Sessions {
  const others = without(now ?? { sessions: [] }, session.sessionId).sessions;
  const living = others.filter(({ expiresAt }) => Date.parse(expiresAt) > at);
  return { sessions: [...living.slice(1 - MAX_SESSIONS), session] };
}

/** The sessions that are over as there is one too many. */
function droppedFrom(before: Sessions, after: Sessions): string[] {
  const left = new Set(after.sessions.map(({ sessionId }) => sessionId));
  return before.sessions.map(({ sessionId }) => sessionId).filter((id) => !left.has(id));
}

function without(now: Sessions, sessionId: string): Sessions {
  return { sessions: now.sessions.filter((session) => session.sessionId !== sessionId) };
}

function fresh(sessionId: string, secret: string, at: number): Session {
  const expiresAt = new Date(at + SESSION_MS).toISOString();
  return { sessionId, tokenHash: hashed(secret), expiresAt };
}

/** A secret of 256 random bits needs no slow hash: nobody guesses it. */
export function hashed(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

function parts(request: RefreshRequest | LogoutRequest) {
  const [userId = '', sessionId = '', secret = ''] = checked(
    RefreshToken,
    request,
  ).refreshToken.split('.');
  return { userId, sessionId, secret };
}

async function answerTo(user: User, session: Session, secret: string, context: UserContext) {
  const { userId, email, name, role } = user;
  const { token, expiresAt } = await newToken(user, session.sessionId, context);
  return {
    token,
    expiresAt: timestampFromDate(expiresAt),
    refreshToken: `${userId}.${session.sessionId}.${secret}`,
    refreshExpiresAt: timestampFromDate(new Date(session.expiresAt)),
    user: { userId, email, name, role, tenantId: context.caller.tenantId },
  };
}

/** The same whatever is wrong with it. */
function notSignedIn(): MicroserviceError {
  return new MicroserviceError('sign in again', Code.UNAUTHENTICATED, { reason: 'signed_out' });
}
