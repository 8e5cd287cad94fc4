import { z } from 'zod';
import { Code, MicroserviceError } from '#kit/core/errors';
import { toTimestamp } from '#kit/core/timestamps';
import { idempotencyKeyReused } from '#kit/delivery/idempotency-store';
import { validate } from '#kit/core/validation';
import type { LogoutRequest, RefreshRequest } from '#proto/retail/user/v1/user_pb';
import type { Context } from './definition';
import type { User } from './domain';
import { recordRevocation } from './revoked-sessions';
import {
  type Session,
  hashSecret,
  newSession,
  refreshTokenState,
  sessionsOverLimit,
  withSession,
  withoutSessions,
} from './session-domain';
import { deriveSecret, issueAccessToken } from './tokens';

/** `<userId>.<sessionId>.<secret>`: the ids find the session, the secret proves the right to use it. */
const RefreshToken = z.object({
  refreshToken: z
    .string()
    .regex(/^[\w-]{1,64}\.[\w-]{1,64}\.[\w-]{43}$/, 'must be a refresh token of this API'),
});

/** Signs a user in on one more device. Returns the response to a login. */
export async function startSession(user: User, context: Context) {
  const { sessions, clock, newId } = context;
  const sessionId = newId('session');
  const secret = await deriveSecret(`refresh ${sessionId}`, context);
  const session = newSession(sessionId, secret, clock.now());
  const { outcome: overLimit } = await sessions.decide(user.userId, (now = { sessions: [] }) => {
    const document = withSession(now, session, clock.now());
    return { document, outcome: sessionsOverLimit(document) };
  });
  await endSessions(user.userId, overLimit, context);
  return toResponse(user, session, secret, context);
}

/**
 * Exchanges a refresh token for a new pair of tokens. A refresh token works once: a second use means
 * that it was copied, and ends the session for the user and for the thief. A repeat under the same
 * Idempotency-Key is not a second use while the tokens it returned are unused: that response may have
 * been lost.
 */
export async function refresh(request: RefreshRequest, context: Context) {
  const { users, sessions, clock, log } = context;
  const { userId, sessionId, secret: given } = parseRefreshToken(request);
  // no change without a document: it would create one for every invented user id
  if ((await sessions.get(userId)) === undefined) throw signedOut();
  const givenHash = hashSecret(given);
  const secret = await deriveSecret(`refresh ${sessionId} ${givenHash}`, context);
  const next = newSession(sessionId, secret, clock.now());
  const { document, outcome } = await sessions.decide(userId, (now = { sessions: [] }) => {
    const was = refreshTokenState(now, sessionId, given, clock.now());
    const document = was === 'current' ? withSession(now, next, clock.now()) : now;
    return { document, outcome: { was, shown: givenHash } };
  });
  if (outcome.shown !== givenHash) throw idempotencyKeyReused();
  // an earlier run may have exchanged the token: then its successor has to be unused
  const state =
    outcome.was === 'current'
      ? refreshTokenState(document, sessionId, secret, clock.now())
      : outcome.was;
  if (state === 'reused') {
    log.warn({ userId, sessionId }, 'a refresh token was used twice; its session is ended');
    await endSessions(userId, [sessionId], context);
  }
  const user = state === 'current' ? await users.get(userId) : undefined;
  if (user === undefined) throw signedOut();
  return toResponse(user, next, secret, context);
}

/** Ends a session. Succeeds if the session has already ended. */
export async function logout(request: LogoutRequest, context: Context) {
  const { sessions, clock } = context;
  const { userId, sessionId, secret } = parseRefreshToken(request);
  const now = (await sessions.get(userId)) ?? { sessions: [] };
  if (refreshTokenState(now, sessionId, secret, clock.now()) !== 'unknown') {
    await endSessions(userId, [sessionId], context);
  }
  return {};
}

/**
 * Ends sessions. The revocation is recorded first: a crash in between leaves a session that can be
 * ended again, and never access tokens that stay valid although their session is gone.
 */
async function endSessions(userId: string, sessionIds: readonly string[], context: Context) {
  if (sessionIds.length === 0) return;
  await recordRevocation(sessionIds, context);
  await context.sessions.update(userId, (now = { sessions: [] }) =>
    withoutSessions(now, sessionIds),
  );
}

function parseRefreshToken(request: RefreshRequest | LogoutRequest) {
  const { refreshToken } = validate(RefreshToken, request);
  const [userId = '', sessionId = '', secret = ''] = refreshToken.split('.');
  return { userId, sessionId, secret };
}

async function toResponse(user: User, session: Session, secret: string, context: Context) {
  const { userId, email, name, role } = user;
  const { token, expiresAt } = await issueAccessToken(user, session.sessionId, context);
  return {
    token,
    expiresAt: toTimestamp(expiresAt),
    refreshToken: `${userId}.${session.sessionId}.${secret}`,
    refreshExpiresAt: toTimestamp(session.expiresAt),
    user: { userId, email, name, role, tenantId: context.caller.tenantId },
  };
}

/** One error for every reason, so that it reveals nothing about the session. */
function signedOut(): MicroserviceError {
  return new MicroserviceError('Your session has ended. Sign in again.', Code.UNAUTHENTICATED, {
    reason: 'signed_out',
  });
}
