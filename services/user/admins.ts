import { Code, MicroserviceError } from '#kit/core/errors';
import { NOBODY, withAdmin, withoutAdmin } from './active-admins';
import type { Context } from './definition';
import type { User } from './domain';

/** The key of the only list of a tenant. */
const LIST = 'active';

/**
 * Adds an admin, as at a sign-in. It leaves the list again if the account has changed meanwhile: then the
 * one who changed it may have removed it before it was added.
 */
export async function addActiveAdmin({ userId, role }: User, context: Context): Promise<void> {
  if (role !== 'admin') return;
  const { activeAdmins, users } = context;
  if ((await activeAdmins.get(LIST))?.userIds.includes(userId) === true) return;
  await activeAdmins.update(LIST, (now = NOBODY) => withAdmin(now, userId));
  const user = await users.get(userId);
  if (user?.role === 'admin' && user.blockedAt === undefined) return;
  await removeActiveAdmin(userId, context);
}

export async function removeActiveAdmin(userId: string, { activeAdmins }: Context): Promise<void> {
  await activeAdmins.update(LIST, (now = NOBODY) => withoutAdmin(now, userId));
}

/**
 * Removes an admin who is about to be blocked or to lose the role. Throws FAILED_PRECONDITION for the last
 * one: nobody could then manage accounts. Two admins who remove each other are decided by one write.
 */
export async function releaseAdmin(userId: string, context: Context): Promise<void> {
  const { activeAdmins, caller } = context;
  await activeAdmins.update(LIST, (now = NOBODY) => {
    // the caller is an admin, who may not have signed in since this list exists
    const known = now.left.includes(caller.userId) ? now : withAdmin(now, caller.userId);
    const others = withoutAdmin(known, userId);
    if (others.userIds.length === 0) throw lastAdmin();
    return others;
  });
}

function lastAdmin(): MicroserviceError {
  return new MicroserviceError(
    'This is the last active admin. Make another user an admin first, who signs in once.',
    Code.FAILED_PRECONDITION,
    { reason: 'last_admin' },
  );
}
