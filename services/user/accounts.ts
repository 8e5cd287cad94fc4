import { requireRole } from '#kit/core/caller';
import { Code, MicroserviceError, notFound } from '#kit/core/errors';
import type { Context } from './definition';
import type { User } from './domain';

/** The account of the signed-in user. Throws UNAUTHENTICATED, or NOT_FOUND if it no longer exists. */
export async function callerAccount({ users, caller }: Context): Promise<User> {
  if (caller.userId === '') {
    throw new MicroserviceError('Sign in to see or change your account.', Code.UNAUTHENTICATED);
  }
  const user = await users.get(caller.userId);
  if (user === undefined) throw notFound('user');
  return user;
}

/**
 * Throws PERMISSION_DENIED unless the caller is an admin by their own account or API key. The role in the
 * call is a claim of the calling service, and the accounts are here.
 */
export async function requireAdmin(context: Context): Promise<void> {
  const { caller, users, apiKeys } = context;
  requireRole(caller, 'admin');
  const { userId: id } = caller;
  const known = id === '' ? undefined : ((await users.get(id)) ?? (await apiKeys.get(id)));
  const isEnded =
    known !== undefined &&
    ('keyId' in known ? known.revokes !== undefined : known.blockedAt !== undefined);
  if (known?.role === 'admin' && !isEnded) return;
  throw new MicroserviceError('Only an admin may do this.', Code.PERMISSION_DENIED);
}
