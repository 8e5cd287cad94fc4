import { z } from 'zod';
import { isoTime } from '#kit/core/clock';
import { type AuditFacts, Code, MicroserviceError } from '#kit/core/errors';
import { toTimestamp } from '#kit/core/timestamps';
import { idempotencyKeyReused } from '#kit/delivery/idempotency-store';
import { validate } from '#kit/core/validation';
import type { LogoutRequest, RefreshRequest } from '#proto/retail/user/v1/user_pb';
import { AccountSecurityChanged } from '#contracts/user';
import type { Context } from './definition';
import { type User, wrongCredentials } from './domain';
import { recordRevocation } from './revoked-sessions';
import { refreshSecret, wasIssued } from './secrets';
import {
  type Session,
  findSession,
  hashSecret,
  newSession,
  refreshTokenState,
  sessionsOverLimit,
  startOf,
  withSession,
  withoutSessions,
} from './session-domain';
import { issueAccessToken } from './tokens';

/** `<userId>.<sessionId>.<secret>`: the ids find the session, the secret proves the right to use it. */
const RefreshToken = z.object({
  refreshToken: z
    .string()
    .regex(/^[\w-]{1,64}\.[\w-]{1,64}\.[\w-]{43}$/, 'must be a refresh token of this API'),
});

/**
 * Signs a user in on one more device. Returns the response to a login, with the number of sessions that
 * it ended because there were too many.
 */
export async function startSession(user: User, context: Context, sessionId: string) {
  const { sessions, users, clock } = context;
  const { userId } = user;
  const secret = refreshSecret(sessionId, 'first', context);
  const session = newSession(sessionId, secret, clock.now());
  const { outcome: ended } = await sessions.decide(userId, (now = { sessions: [] }) => {
    const document = withSession(now, session, clock.now());
    return { document, outcome: sessionsOverLimit(document) };
  });
  await endSessions(userId, ended, context);
  // a change of the password or of the role, or a block, may not have found this session
  const now = await users.get(userId);
  const isSame = now?.passwordId === user.passwordId && now?.role === user.role;
  if (now === undefined || now.blockedAt !== undefined || !isSame) {
    await endSessions(userId, [sessionId], context);
    throw wrongCredentials({ userId, sessionId });
  }
  return toResponse(user, session, secret, ended.length, context);
}

/**
 * Exchanges a refresh token for a new pair of tokens. A refresh token works once: a second use means
 * that it was copied, and ends the session for the user and for the thief. A repeat under the same
 * Idempotency-Key is not a second use while the tokens it returned are unused: that response may have
 * been lost.
 */
export async function refresh(request: RefreshRequest, context: Context) {
  const { users, sessions, clock, log, publish } = context;
  const { userId, sessionId, secret: given } = parseRefreshToken(request);
  // no change without a document: it would create one for every invented user id
  if ((await sessions.get(userId)) === undefined) throw signedOut();
  const givenHash = hashSecret(given);
  const secret = refreshSecret(sessionId, givenHash, context);
  const { document, outcome } = await sessions.decide(userId, (now = { sessions: [] }) => {
    const session = findSession(now, sessionId, clock.now());
    const was = refreshTokenState(session, given, wasIssued(sessionId, given, context));
    const outcome = { was, shown: givenHash };
    if (session === undefined || was !== 'current') return { document: now, outcome };
    const next = newSession(sessionId, secret, clock.now(), startOf(session));
    return { document: withSession(now, next, clock.now()), outcome };
  });
  if (outcome.shown !== givenHash) throw idempotencyKeyReused();
  // an earlier run may have exchanged the token: then its successor has to be unused
  const session = findSession(document, sessionId, clock.now());
  const state = outcome.was === 'current' ? refreshTokenState(session, secret, true) : outcome.was;
  if (state === 'reused') {
    log.warn({ userId, sessionId }, 'a refresh token was used twice; its session is ended');
    const change = 'refresh_token_reused';
    const facts = { userId, change, at: isoTime(clock) } as const;
    try {
      // before the session ends: afterwards, a retry no longer knows of it
      await publish(AccountSecurityChanged, facts, `${change} ${sessionId}`);
    } finally {
      await endSessions(userId, [sessionId], context);
    }
  }
  const user = state === 'current' ? await users.get(userId) : undefined;
  if (user === undefined || user.blockedAt !== undefined || session === undefined) {
    throw signedOut(state === 'unknown' ? undefined : { userId, sessionId, token: state });
  }
  return toResponse(user, session, secret, 0, context);
}

/** Ends a session. Succeeds if the session has already ended, or if the token was made up. */
export async function logout(request: LogoutRequest, context: Context) {
  const { sessions, clock } = context;
  const { userId, sessionId, secret } = parseRefreshToken(request);
  const now = (await sessions.get(userId)) ?? { sessions: [] };
  const session = findSession(now, sessionId, clock.now());
  if (refreshTokenState(session, secret, wasIssued(sessionId, secret, context)) !== 'unknown') {
    await endSessions(userId, [sessionId], context);
    return { userId, sessionId };
  }
  return {};
}

/**
 * Ends sessions. The revocation is recorded first: a crash in between leaves a session that can be
 * ended again, and never access tokens that stay valid although their session is gone.
 */
export async function endSessions(
  userId: string,
  sessionIds: readonly string[],
  context: Context,
): Promise<void> {
  if (sessionIds.length === 0) return;
  await recordRevocation(sessionIds, context);
  await context.sessions.decide(
    userId,
    (now = { sessions: [] }) => ({
      document: withoutSessions(now, sessionIds),
      outcome: undefined,
      // a session that is not in the document has ended, and its id is not used again
      selfIdempotent: true,
    }),
    'end',
  );
}

/** Ends every session of a user but the one with the id `except`. Returns the number of ended sessions. */
export async function endAllSessions(
  userId: string,
  context: Context,
  except?: string,
): Promise<number> {
  const now = await context.sessions.get(userId);
  const ids = (now?.sessions ?? []).map(({ sessionId }) => sessionId);
  const ended = ids.filter((sessionId) => sessionId !== except);
  await endSessions(userId, ended, context);
  return ended.length;
}

function parseRefreshToken(request: RefreshRequest | LogoutRequest) {
  const { refreshToken } = validate(RefreshToken, request);
  const [userId = '', sessionId = '', secret = ''] = refreshToken.split('.');
  return { userId, sessionId, secret };
}

async function toResponse(
  user: User,
  session: Session,
  secret: string,
  endedSessions: number,
  context: Context,
) {
  const { userId, email, name, role } = user;
  const { token, expiresAt } = await issueAccessToken(user, session, context);
  return {
    token,
    expiresAt: toTimestamp(expiresAt),
    refreshToken: `${userId}.${session.sessionId}.${secret}`,
    refreshExpiresAt: toTimestamp(session.expiresAt),
    user: { userId, email, name, role, tenantId: context.caller.tenantId },
    endedSessions,
  };
}

/** One error for every reason, so that it reveals nothing about the session. */
function signedOut(audit?: AuditFacts): MicroserviceError {
  return new MicroserviceError('Your session has ended. Sign in again.', Code.UNAUTHENTICATED, {
    reason: 'signed_out',
    ...(audit && { audit }),
  });
}
