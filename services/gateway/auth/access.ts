import type { Role } from '#kit/core/caller';
import { Code, MicroserviceError } from '#kit/core/errors';
import type { Principal } from './principal';

/**
 * Who may use a route. `anonymous`: everyone, and credentials are ignored. `optional`: everyone, but
 * credentials that are sent must be valid. Otherwise callers with one of these roles.
 */
export type Access = 'anonymous' | 'optional' | readonly Role[];

export const ADMINS = ['admin'] as const satisfies Access;
export const SELLERS = ['seller', 'admin'] as const satisfies Access;
export const SIGNED_IN = ['customer', 'seller', 'admin'] as const satisfies Access;

/** The part of a route that decides about access. */
interface AccessRule {
  readonly access: Access;
  readonly method: string;
  /** Its first segment is the resource of a scope: `orders:read`. */
  readonly path: string;
  /** The resource of another scope, for a key that needs nothing else of the path's resource. */
  readonly narrowScope?: string;
}

/** Throws PERMISSION_DENIED if the role or the scopes do not permit the route. */
export function requirePermission(rule: AccessRule, { caller, scopes }: Principal): void {
  const { access, method, path, narrowScope } = rule;
  if (typeof access !== 'string' && !access.includes(caller.role)) {
    throw new MicroserviceError('your role does not permit this', Code.PERMISSION_DENIED);
  }
  const [, resource = ''] = path.split('/');
  const scopeOf = (name: string) => `${name}:${method === 'GET' ? 'read' : 'write'}`;
  const scope = scopeOf(resource);
  if (scopes === undefined || access === 'anonymous' || scopes.includes(scope)) return;
  if (narrowScope !== undefined && scopes.includes(scopeOf(narrowScope))) return;
  throw new MicroserviceError(`the API key lacks the scope ${scope}`, Code.PERMISSION_DENIED);
}

const ABOUT_CREDENTIALS = /^\/(auth|users\/(password|sessions))(\/|$)/;

/** Whether the route is not for customers, or is about credentials. */
export function isPrivileged({ access, path }: AccessRule): boolean {
  return (
    ABOUT_CREDENTIALS.test(path) || (typeof access !== 'string' && !access.includes('customer'))
  );
}
