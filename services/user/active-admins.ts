import { z } from 'zod';

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

export const NOBODY: ActiveAdmins = { userIds: [], left: [] };
const MAX_LEFT = 100;

export function withAdmin(now: ActiveAdmins, userId: string): ActiveAdmins {
  if (now.userIds.includes(userId)) return now;
  return { userIds: [...now.userIds, userId], left: now.left.filter((each) => each !== userId) };
}

/** The same object if the admin has left. */
export function withoutAdmin(now: ActiveAdmins, userId: string): ActiveAdmins {
  const { userIds, left } = now;
  if (!userIds.includes(userId) && left.includes(userId)) return now;
  const others = (ids: readonly string[]) => ids.filter((each) => each !== userId);
  return { userIds: others(userIds), left: [...others(left), userId].slice(-MAX_LEFT) };
}
