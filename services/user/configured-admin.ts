import { DEFAULT_TENANT } from '#kit/core/caller';
import type { User } from './domain';
import type { Context } from './definition';
import { verifyPassword } from './password';
import { replacePassword } from './passwords';
import { secretOf } from './secrets';

/** Whether this is the address of the admin that the environment configures. */
export function isFirstAdmin(email: string, { config, caller }: Context): boolean {
  return caller.tenantId === DEFAULT_TENANT && email === config.ADMIN_EMAIL;
}

/** Identifies an ADMIN_PASSWORD, and reveals nothing about it without the master key. */
export function fingerprintOf(password: string, context: Context): string {
  return secretOf(`admin password ${password}`, context);
}

/**
 * The admin that the environment configures gets the password of the environment when that was changed
 * since it was last applied, and is signed out of all sessions but the one that is about to start.
 * Otherwise the admin's own change of the password stays.
 */
export async function withConfiguredPassword(
  user: User,
  context: Context,
  sessionId: string,
): Promise<User> {
  const { ADMIN_PASSWORD: password } = context.config;
  if (password === undefined || user.role !== 'admin' || !isFirstAdmin(user.email, context)) {
    return user;
  }
  const adminPassword = fingerprintOf(password, context);
  if (user.adminPassword === adminPassword) return user;
  const isOlder = user.adminPassword === undefined;
  if (isOlder && (await verifyPassword(password, user.passwordHash))) return user;
  return replacePassword(user.userId, password, context, {
    change: (now) => ({ ...now, adminPassword }),
    except: sessionId,
  });
}
