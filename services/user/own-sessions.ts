import { z } from 'zod';
import { isoTimeAt } from '#kit/core/clock';
import { notFound } from '#kit/core/errors';
import { toTimestamp } from '#kit/core/timestamps';
import { Id, PageRequest, validate } from '#kit/core/validation';
import type {
  EndSessionRequest,
  EndSessionsRequest,
  ListSessionsRequest,
} from '#proto/retail/user/v1/user_pb';
import { callerAccount } from './accounts';
import type { Context } from './definition';
import { type Session, findSession, startOf } from './session-domain';
import { endAllSessions, endSessions } from './sessions';

export async function listSessions(request: ListSessionsRequest, context: Context) {
  const { sessions, clock } = context;
  const { page, limit } = validate(PageRequest, request);
  const { userId } = await callerAccount(context);
  const all = (await sessions.get(userId))?.sessions ?? [];
  const open = all.filter(({ expiresAt }) => Date.parse(expiresAt) > clock.now()).reverse();
  const items = open.slice((page - 1) * limit, page * limit).map(toMessage);
  return { items, page, limit, total: open.length };
}

const OneSession = z.object({ sessionId: Id });

export async function endSession(request: EndSessionRequest, context: Context) {
  const { sessions, clock } = context;
  const { sessionId } = validate(OneSession, request);
  const { userId } = await callerAccount(context);
  const now = (await sessions.get(userId)) ?? { sessions: [] };
  if (findSession(now, sessionId, clock.now()) === undefined) throw notFound('session');
  await endSessions(userId, [sessionId], context);
  return {};
}

const AllSessions = z.object({ except: Id.optional() });

export async function endOwnSessions(request: EndSessionsRequest, context: Context) {
  const { except } = validate(AllSessions, request);
  const { userId } = await callerAccount(context);
  return { endedSessions: await endAllSessions(userId, context, except) };
}

function toMessage(session: Session) {
  const { sessionId, expiresAt } = session;
  const startedAt = isoTimeAt(startOf(session));
  return {
    sessionId,
    startedAt: toTimestamp(startedAt),
    lastUsedAt: toTimestamp(session.lastUsedAt ?? startedAt),
    expiresAt: toTimestamp(expiresAt),
  };
}
