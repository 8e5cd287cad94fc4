import { z } from 'zod';
import { Code, MicroserviceError } from '#kit/core/errors';
import type { Context } from './definition';
import type { User } from './domain';

/**
 * The admins who are not blocked. Each of them is one; one that is missing only makes the guard stricter.
 * The order of the writes keeps it so: an admin leaves the list before the account changes, and joins it
 * afterwards.
 */
export const ActiveAdmins = z.object({
  userIds: z.array(z.string()),
  /** Those who left last: a request of theirs that is under way does not make them admins again. */
  left: z.array(z.string()),
});
export type ActiveAdmins = z.infer<typeof ActiveAdmins>;

const NOBODY: ActiveAdmins = { userIds: [], left: [] };
const MAX_LEFT = 100;

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

function withAdmin(now: ActiveAdmins, userId: string): ActiveAdmins {
  if (now.userIds.includes(userId)) return now;
  return { userIds: [...now.userIds, userId], left: now.left.filter((each) => each !== userId) };
}

/** The same object if the admin has left. */
function withoutAdmin(now: ActiveAdmins, userId: string): ActiveAdmins {
  const { userIds, left } = now;
  if (!userIds.includes(userId) && left.includes(userId)) return now;
  const others = (ids: readonly string[]) => ids.filter((each) => each !== userId);
  return { userIds: others(userIds), left: [...others(left), userId].slice(-MAX_LEFT) };
}

function lastAdmin(): MicroserviceError {
  return new MicroserviceError(
    'This is the last active admin. Make another user an admin first, who signs in once.',
    Code.FAILED_PRECONDITION,
    { reason: 'last_admin' },
  );
}
