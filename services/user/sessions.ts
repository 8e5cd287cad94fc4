import { toTimestamp } from '#kit/core/timestamps';
import { createHash } from 'node:crypto';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { z } from 'zod';
import { Code, MicroserviceError } from '#kit/core/errors';
import { idempotencyKeyReused } from '#kit/delivery/idempotency-store';
import { validate } from '#kit/core/validation';
import type { LogoutRequest, RefreshRequest } from '#proto/retail/user/v1/user_pb';
import type { User } from './domain';
import { ended } from './ended-sessions';
import { newSecret, newToken } from './keys';
import type { Context } from './definition';

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
export async function signedIn(user: User, context: Context) {
  const { sessions, clock, newId } = context;
  const sessionId = newId('session');
  const secret = await newSecret(`refresh ${sessionId}`, context);
  const session = fresh(sessionId, secret, clock.now());
  const { outcome: tooMany } = await sessions.decide(user.userId, (now = { sessions: [] }) => {
    const document = withSession(now, session, clock.now());
    return { document, outcome: surplus(document) };
  });
  await end(user.userId, tooMany, context);
  return answerTo(user, session, secret, context);
}

/**
 * Changes a refresh token for a new pair of tokens. Each is good once: one that comes a second time
 * was copied, and whoever has it or its successors is signed out. Under the same Idempotency-Key it
 * did not come twice, as long as nobody has used what was answered: that answer may have been lost.
 */
export async function refresh(request: RefreshRequest, context: Context) {
  const { users, sessions, clock, log } = context;
  const { userId, sessionId, secret: given } = parts(request);
  // a change would leave a document for every name that is made up
  if ((await sessions.get(userId)) === undefined) throw notSignedIn();
  const shown = hashed(given);
  const secret = await newSecret(`refresh ${sessionId} ${shown}`, context);
  const next = fresh(sessionId, secret, clock.now());
  const { document, outcome } = await sessions.decide(userId, (now = { sessions: [] }) => {
    const was = standing(now, sessionId, given, clock.now());
    const document = was === 'current' ? withSession(now, next, clock.now()) : now;
    return { document, outcome: { was, shown } };
  });
  if (outcome.shown !== shown) throw idempotencyKeyReused();
  // where it was changed before, the one that it was changed for has to be good yet
  const is =
    outcome.was === 'current' ? standing(document, sessionId, secret, clock.now()) : outcome.was;
  if (is === 'reused') {
    log.warn({ userId, sessionId }, 'a refresh token was used twice');
    await end(userId, [sessionId], context);
  }
  const user = is === 'current' ? await users.get(userId) : undefined;
  if (user === undefined) throw notSignedIn();
  return answerTo(user, next, secret, context);
}

/** Ends a session. One that is over is no fault: whoever asks is signed out. */
export async function logout(request: LogoutRequest, context: Context) {
  const { sessions, clock } = context;
  const { userId, sessionId, secret } = parts(request);
  const now = (await sessions.get(userId)) ?? { sessions: [] };
  if (standing(now, sessionId, secret, clock.now()) !== 'unknown') {
    await end(userId, [sessionId], context);
  }
  return {};
}

/**
 * Ends sessions. It is made known first: a process that dies in between leaves a session that is
 * there to be ended again, and no token of one that nobody finds any more.
 */
async function end(userId: string, sessionIds: readonly string[], context: Context) {
  if (sessionIds.length === 0) return;
  await ended(sessionIds, context);
  await context.sessions.update(userId, (now = { sessions: [] }) => without(now, sessionIds));
}

/** What a refresh token is to its session: the current one, or one of before. */
function standing(
  { sessions }: Sessions,
  sessionId: string,
  secret: string,
  at: number,
): 'current' | 'reused' | 'unknown' {
  const known = sessions.find((session) => session.sessionId === sessionId);
  if (known === undefined || Date.parse(known.expiresAt) <= at) return 'unknown';
  return known.tokenHash === hashed(secret) ? 'current' : 'reused';
}

function withSession(now: Sessions, session: Session, at: number): Sessions {
  const others = without(now, [session.sessionId]).sessions;
  return { sessions: [...others.filter(({ expiresAt }) => Date.parse(expiresAt) > at), session] };
}

/** The sessions that are to end as there are too many. */
function surplus({ sessions }: Sessions): string[] {
  return sessions.slice(0, -MAX_SESSIONS).map(({ sessionId }) => sessionId);
}

function without(now: Sessions, sessionIds: readonly string[]): Sessions {
  return { sessions: now.sessions.filter(({ sessionId }) => !sessionIds.includes(sessionId)) };
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
  const [userId = '', sessionId = '', secret = ''] = validate(
    RefreshToken,
    request,
  ).refreshToken.split('.');
  return { userId, sessionId, secret };
}

async function answerTo(user: User, session: Session, secret: string, context: Context) {
  const { userId, email, name, role } = user;
  const { token, expiresAt } = await newToken(user, session.sessionId, context);
  return {
    token,
    expiresAt: timestampFromDate(expiresAt),
    refreshToken: `${userId}.${session.sessionId}.${secret}`,
    refreshExpiresAt: toTimestamp(session.expiresAt),
    user: { userId, email, name, role, tenantId: context.caller.tenantId },
  };
}

/** The same whatever is wrong with it. */
function notSignedIn(): MicroserviceError {
  return new MicroserviceError('sign in again', Code.UNAUTHENTICATED, { reason: 'signed_out' });
}
