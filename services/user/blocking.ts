import { z } from 'zod';
import { isoTime } from '#kit/core/clock';
import { Code, MicroserviceError, notFound } from '#kit/core/errors';
import { Id, validate } from '#kit/core/validation';
import type { BlockUserRequest, UnblockUserRequest } from '#proto/retail/user/v1/user_pb';
import { requireAdmin } from './accounts';
import type { Context } from './definition';
import { endAllSessions } from './sessions';

const OneUser = z.object({ userId: Id });

/**
 * Blocks a user. The user is written first: a sign-in that is under way then finds the block or is found
 * here. API keys of the user are invalid, because their creator is checked when they are used.
 */
export async function blockUser(request: BlockUserRequest, context: Context) {
  await requireAdmin(context);
  const { userId } = validate(OneUser, request);
  if (userId === context.caller.userId) {
    throw new MicroserviceError('You cannot block yourself.', Code.FAILED_PRECONDITION);
  }
  const at = isoTime(context.clock);
  await context.users.update(userId, (now) => {
    if (now === undefined) throw notFound('user');
    return now.blockedAt === undefined ? { ...now, blockedAt: at } : now;
  });
  await endAllSessions(userId, context);
  return { userId, blocked: true };
}

export async function unblockUser(request: UnblockUserRequest, context: Context) {
  await requireAdmin(context);
  const { userId } = validate(OneUser, request);
  await context.users.update(userId, (now) => {
    if (now === undefined) throw notFound('user');
    const { blockedAt, ...rest } = now;
    return blockedAt === undefined ? now : rest;
  });
  return { userId, blocked: false };
}
