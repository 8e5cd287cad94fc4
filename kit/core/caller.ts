import { Code, MicroserviceError, notFound } from './errors';

export const ROLES = ['anonymous', 'customer', 'seller', 'admin', 'service'] as const;
export type Role = (typeof ROLES)[number];

/** On whose behalf something is done. `service` is one of ours, in an event, a job or a binding. */
export interface Caller {
  readonly userId: string;
  readonly role: Role;
  readonly tenantId: string;
}

export const DEFAULT_TENANT = 'default';

export function anonymous(tenantId = DEFAULT_TENANT): Caller {
  return { userId: '', role: 'anonymous', tenantId };
}

export function asService(tenantId = DEFAULT_TENANT): Caller {
  return { userId: '', role: 'service', tenantId };
}

/** Whether the caller may see what belongs to this user: the user, an admin, or a service. */
export function mayAccess(caller: Caller, ownerId: string): boolean {
  if (caller.role === 'admin' || caller.role === 'service') return true;
  return caller.userId !== '' && caller.userId === ownerId;
}

/**
 * The thing, if it is there and the caller may see it. Someone else's is NOT_FOUND, as if it
 * did not exist: a refusal would tell that it does.
 */
export function requireOwner<T extends { userId: string }>(
  caller: Caller,
  thing: T | undefined,
  what: string,
): T {
  if (thing === undefined || !mayAccess(caller, thing.userId)) throw notFound(what);
  return thing;
}

/** Refuses a caller who has none of these roles. */
export function requireRole({ role }: Caller, ...roles: readonly Role[]): void {
  if (roles.includes(role)) return;
  throw new MicroserviceError(`not for the role ${role}`, Code.PERMISSION_DENIED);
}
