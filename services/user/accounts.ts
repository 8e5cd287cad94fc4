import { requireRole } from '#kit/core/caller';
import { type AuditFacts, Code, MicroserviceError, notFound } from '#kit/core/errors';
import { type ApiKey, permitsRole } from './api-key-domain';
import type { Context } from './definition';
import type { User } from './domain';
import { secretOf } from './secrets';

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
 * Names the account of a request for the audit log. An address without an account is named by a keyed hash:
 * it may be a mistyped password or the address of a stranger, and attempts at it can still be compared.
 */
export function accountFacts(
  account: { readonly userId: string } | undefined,
  email: string,
  context: Context,
): AuditFacts {
  if (account !== undefined) return { userId: account.userId };
  const { tenantId } = context.caller;
  return { unknownAccount: secretOf(`audit ${tenantId} ${email}`, context) };
}

/** Whether a user may hold an API key of this role. */
export function mayHold(role: ApiKey['role'], user: User | undefined): boolean {
  return user !== undefined && user.blockedAt === undefined && permitsRole(user.role, role);
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
