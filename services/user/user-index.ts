import type { EventData } from '#kit/messages/contract';
import { IndexUser } from '#contracts/user';
import type { Context } from './definition';
import { type UserIndex, listsOf } from './search-terms';

const EMPTY: UserIndex = { lists: [], adding: [] };

/** Requests that the lists of an account are brought up to date, after each change of it. */
export async function requestIndex(userId: string, { publish }: Context): Promise<void> {
  await publish(IndexUser, { userId });
}

/**
 * Handles IndexUser. Several may run for one account, in this process and in others: each goes on until the
 * account is as it was when it began, and removes it from the lists to which it has added it in vain. So the
 * one that ends last has seen the newest account. An id is added only to a list that is not recorded yet,
 * since a list compares it with its newest ids only.
 */
export async function indexUser(
  { userId }: EventData<typeof IndexUser>,
  context: Context,
): Promise<void> {
  const { users, lists } = context;
  const added = new Set<string>();
  for (let isCurrent = false; !isCurrent;) {
    const user = await users.get(userId);
    const wanted = user === undefined ? [] : listsOf(user);
    const { adding, lists: known } = await change(context, userId, (now) => {
      const missing = wanted.filter((list) => !now.lists.includes(list));
      return { ...now, adding: union(now.adding, missing) };
    });
    for (const list of wanted.filter((each) => adding.includes(each))) {
      await lists.users.add(list, userId);
      added.add(list);
    }
    const surplus = union(known, adding, [...added]).filter((list) => !wanted.includes(list));
    for (const list of surplus) {
      await lists.users.remove(list, userId);
      added.delete(list);
    }
    await change(context, userId, (now) => ({
      lists: union(now.lists, wanted).filter((list) => !surplus.includes(list)),
      adding: now.adding.filter((list) => !wanted.includes(list) && !surplus.includes(list)),
    }));
    const after = await users.get(userId);
    isCurrent = JSON.stringify(after && listsOf(after)) === JSON.stringify(user && wanted);
  }
}

const union = (...lists: readonly (readonly string[])[]) => [...new Set(lists.flat())].sort();

/** The document shows which changes it has, so that a redelivery makes those that are missing. */
async function change(
  { userIndexes }: Context,
  userId: string,
  change: (now: UserIndex) => UserIndex,
): Promise<UserIndex> {
  const { document } = await userIndexes.decide(userId, (now = EMPTY) => {
    const next = change(now);
    const isSame = JSON.stringify(next) === JSON.stringify(now);
    return { document: isSame ? now : next, outcome: undefined, selfIdempotent: true };
  });
  return document;
}
