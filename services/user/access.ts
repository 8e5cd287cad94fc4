import { z } from 'zod';
import { isoTime } from '#kit/core/clock';
import { Code, MicroserviceError, notFound, refusalOf } from '#kit/core/errors';
import { requirePrecondition } from '#kit/core/precondition';
import type { EventInput } from '#kit/messages/contract';
import { Id, validate } from '#kit/core/validation';
import type { Decision } from '#kit/state/apply-change';
import type {
  BlockUserRequest,
  ChangeRoleRequest,
  EndUserSessionsRequest,
  UnblockUserRequest,
} from '#proto/retail/user/v1/user_pb';
import { AccountAccessChanged } from '#contracts/user';
import { requireAdmin } from './accounts';
import { addActiveAdmin, releaseAdmin, removeActiveAdmin } from './admins';
import type { Context } from './definition';
import { Role, type User } from './domain';
import { endAllSessions } from './sessions';
import { requestIndex } from './user-index';
import { toAccount } from './user-lists';

// What admins do to the accounts of others. Each change is written to the account first: a sign-in that is
// under way then finds it, or its session is found here. Gateways refuse the tokens of ended sessions, and API
// keys whose user may no longer hold them, within five seconds.

const OneUser = z.object({ userId: Id });
const NewRole = OneUser.extend({ role: Role });

type Change = EventInput<typeof AccountAccessChanged>['change'];

/** Changes a role. The user signs in again to use it: tokens contain the role. */
export async function changeRole(request: ChangeRoleRequest, context: Context) {
  await requireAdmin(context);
  const { userId, role } = validate(NewRole, request);
  await requireSignedIn(context, 'change a role');
  const known = await requireUser(userId, context);
  const leaves = known.role === 'admin' && role !== 'admin';
  if (leaves) await releaseAdmin(userId, context);
  const { document: user, outcome: isChanged } = await changeAccount(
    userId,
    (now, updatedAt) => (now.role === role ? now : { ...now, role, updatedAt }),
    context,
  );
  // again: a sign-in may have added it before the account was written
  if (leaves) await removeActiveAdmin(userId, context);
  if (isChanged) await endAccess(user, 'role_changed', context);
  return toAccount(user);
}

/** Blocks a user, who is signed out. API keys of the user are invalid until the user is unblocked. */
export async function blockUser(request: BlockUserRequest, context: Context) {
  await requireAdmin(context);
  const { userId } = validate(OneUser, request);
  if (userId === context.caller.userId) {
    throw new MicroserviceError('You cannot block yourself.', Code.FAILED_PRECONDITION);
  }
  const known = await requireUser(userId, context);
  if (known.role === 'admin') {
    await requireSignedIn(context, 'block an admin');
    await releaseAdmin(userId, context);
  }
  const { document: user, outcome: isChanged } = await changeAccount(
    userId,
    (now, at) => (now.blockedAt === undefined ? { ...now, blockedAt: at, updatedAt: at } : now),
    context,
  );
  if (known.role === 'admin') await removeActiveAdmin(userId, context);
  if (isChanged) await endAccess(user, 'blocked', context);
  return { userId, blocked: true };
}

export async function unblockUser(request: UnblockUserRequest, context: Context) {
  await requireAdmin(context);
  const { userId } = validate(OneUser, request);
  const known = await requireUser(userId, context);
  if (known.role === 'admin') await requireSignedIn(context, 'unblock an admin');
  const { document: user, outcome: isChanged } = await changeAccount(
    userId,
    (now, updatedAt) => {
      const { blockedAt, ...rest } = now;
      return blockedAt === undefined ? now : { ...rest, updatedAt };
    },
    context,
  );
  await addActiveAdmin(user, context);
  if (isChanged) {
    await requestIndex(userId, context);
    await announce(user, 'unblocked', context);
  }
  return { userId, blocked: false };
}

/** Signs a user out everywhere. */
export async function endUserSessions(request: EndUserSessionsRequest, context: Context) {
  await requireAdmin(context);
  const { userId } = validate(OneUser, request);
  const user = await requireUser(userId, context);
  if (user.role === 'admin') await requireSignedIn(context, 'sign an admin out');
  const { sessions = [] } = (await context.sessions.get(userId)) ?? {};
  // before they end: afterwards, a retry no longer knows of them
  if (sessions.length > 0) await announce(user, 'signed_out', context);
  return { endedSessions: await endAllSessions(userId, context) };
}

/**
 * Changes an account if the client's condition is true of it; the outcome is whether anything changed. An
 * admin who was released for a change that is refused is an active admin again.
 */
async function changeAccount(
  userId: string,
  change: (now: User, at: string) => User,
  context: Context,
): Promise<Decision<User, boolean>> {
  const { users, clock, precondition } = context;
  try {
    return await users.decide(userId, (now) => {
      if (now === undefined) throw notFound('user');
      requirePrecondition(precondition, now);
      const document = change(now, isoTime(clock));
      return { document, outcome: document !== now };
    });
  } catch (error) {
    const now = refusalOf(error) && (await users.get(userId));
    if (now !== undefined && now.blockedAt === undefined) await addActiveAdmin(now, context);
    throw error;
  }
}

/** Signs the user out, and makes the change known. */
async function endAccess(user: User, change: Change, context: Context): Promise<void> {
  await endAllSessions(user.userId, context);
  await requestIndex(user.userId, context);
  await announce(user, change, context);
}

async function announce({ userId, role }: User, change: Change, context: Context): Promise<void> {
  const at = isoTime(context.clock);
  await context.publish(AccountAccessChanged, { userId, change, role, at });
}

/**
 * Throws PERMISSION_DENIED for an API key. A key has some of its user's rights; with these, it could give
 * itself all of them.
 */
async function requireSignedIn({ caller, apiKeys }: Context, what: string): Promise<void> {
  if ((await apiKeys.get(caller.userId)) === undefined) return;
  throw new MicroserviceError(`An API key cannot ${what}: sign in.`, Code.PERMISSION_DENIED);
}

async function requireUser(userId: string, { users }: Context): Promise<User> {
  const user = await users.get(userId);
  if (user === undefined) throw notFound('user');
  return user;
}
