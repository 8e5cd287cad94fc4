import { z } from 'zod';
import { toTimestamp } from '#kit/core/timestamps';
import { Code, MicroserviceError, notFound } from '#kit/core/errors';
import { Id, PageRequest, validate } from '#kit/core/validation';
import type { GetUserRequest, ListUsersRequest } from '#proto/retail/user/v1/user_pb';
import { requireAdmin } from './accounts';
import type { Context } from './definition';
import { Role, type User } from './domain';
import {
  ALL,
  SearchText,
  State,
  isExactList,
  isFoundBy,
  listFor,
  listOfRole,
  listOfState,
  stateOf,
} from './search-terms';

/** Accounts of a list that are read to find those that match. */
const MAX_READ = 2_000;
/** Accounts that are read at the same time. */
const AT_ONCE = 20;

const UsersRequest = PageRequest.extend({
  search: SearchText,
  role: z.union([z.literal(''), Role]),
  state: z.union([z.literal(''), State]),
});
type Filter = Pick<z.output<typeof UsersRequest>, 'search' | 'role' | 'state'>;

/**
 * Returns a page of accounts. A request with one filter is a page of one list. Several filters, and a search
 * text that has no list of its own, are found among the accounts of the shortest list.
 */
export async function listUsers(request: ListUsersRequest, context: Context) {
  await requireAdmin(context);
  const { page, limit, ...filter } = validate(UsersRequest, request);
  const { lists } = context;
  const list = listOf(filter);
  if (isListOnly(filter)) {
    const { items: ids, total } = await lists.users.page(list, page, limit);
    // a list may be a moment behind its accounts
    const found = (await usersOf(ids, context)).filter((user) => matches(user, filter));
    return { items: found.map(toAccount), page, limit, total };
  }
  const ids = await idsOf(list, context);
  const found = (await usersOf(ids, context)).filter((user) => matches(user, filter));
  const items = found.slice((page - 1) * limit, page * limit).map(toAccount);
  return { items, page, limit, total: found.length };
}

export async function getUser(request: GetUserRequest, context: Context) {
  await requireAdmin(context);
  const { userId } = validate(z.object({ userId: Id }), request);
  const user = await context.users.get(userId);
  if (user === undefined) throw notFound('user');
  return toAccount(user);
}

/** The shortest list with every account that matches. */
function listOf({ search, role, state }: Filter): string {
  if (search !== '') return listFor(search);
  // few accounts are blocked
  if (state === 'blocked' || (state !== '' && role === '')) return listOfState(state);
  return role === '' ? ALL : listOfRole(role);
}

/** Whether the list has no account that does not match. */
function isListOnly({ search, role, state }: Filter): boolean {
  const filters = [search, role, state].filter((filter) => filter !== '');
  return filters.length === 0 || (filters.length === 1 && (search === '' || isExactList(search)));
}

function matches(user: User, { search, role, state }: Filter): boolean {
  if (search !== '' && !isFoundBy(user, search)) return false;
  if (role !== '' && user.role !== role) return false;
  return state === '' || state === stateOf(user);
}

/** All ids of a list. Throws FAILED_PRECONDITION if there are too many to look at. */
async function idsOf(list: string, { lists }: Context): Promise<string[]> {
  const ids: string[] = [];
  const limit = 100;
  for (let page = 1, left = true; left; page++) {
    const { items, total } = await lists.users.page(list, page, limit);
    if (total > MAX_READ) throw tooMany();
    ids.push(...items);
    left = page * limit < total;
  }
  return ids;
}

/** The accounts with these ids, in the same order. */
async function usersOf(ids: readonly string[], { users }: Context): Promise<User[]> {
  const found: User[] = [];
  for (let from = 0; from < ids.length; from += AT_ONCE) {
    const some = await Promise.all(ids.slice(from, from + AT_ONCE).map((id) => users.get(id)));
    found.push(...some.filter((user) => user !== undefined));
  }
  return found;
}

function tooMany(): MicroserviceError {
  return new MicroserviceError(
    `More than ${MAX_READ} accounts would have to be compared. Search for more characters, or use one filter.`,
    Code.FAILED_PRECONDITION,
    { reason: 'search_too_broad' },
  );
}

/** An account as admins see it. */
export function toAccount(user: User) {
  const { userId, email, name, role, blockedAt, emailVerifiedAt, createdAt, updatedAt } = user;
  return {
    userId,
    email,
    name,
    role,
    blocked: blockedAt !== undefined,
    emailVerified: emailVerifiedAt !== undefined,
    createdAt: toTimestamp(createdAt),
    updatedAt: toTimestamp(updatedAt),
  };
}
