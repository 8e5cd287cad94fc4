import { Code, MicroserviceError, notFound } from './errors';

/** The roles of users that are signed in, and of API keys. */
export const USER_ROLES = ['customer', 'seller', 'admin'] as const;
export const ROLES = ['anonymous', ...USER_ROLES, 'service'] as const;
export type Role = (typeof ROLES)[number];

/**
 * The user or service on whose behalf work is done. Events, jobs and bindings have the role
 * `service`.
 */
export interface Caller {
  /** The id of a user or of an API key. Empty for anonymous callers and services. */
  readonly userId: string;
  readonly role: Role;
  readonly tenantId: string;
  /** The user on whose behalf an API key acts. Absent for every other caller, and if it acts for itself. */
  readonly ownerId?: string;
}

export const DEFAULT_TENANT = 'default';

/** A caller who is not signed in. */
export function anonymous(tenantId = DEFAULT_TENANT): Caller {
  return { userId: '', role: 'anonymous', tenantId };
}

/** One of the platform's services, acting for a tenant. */
export function asService(tenantId = DEFAULT_TENANT): Caller {
  return { userId: '', role: 'service', tenantId };
}

/**
 * The id that something belongs to which the caller creates. For an API key that acts on behalf of a user,
 * it is that user: keys expire and are replaced, and what they created stays.
 */
export function accountOf({ userId, ownerId = '' }: Caller): string {
  return ownerId === '' ? userId : ownerId;
}

/** Whether the id is the caller's own, or that of the user on whose behalf the caller's API key acts. */
export function isCaller(caller: Caller, id: string): boolean {
  return id !== '' && (id === caller.userId || id === accountOf(caller));
}

/** Whether the caller is a signed-in user or an API key. */
export function isUser({ role }: Caller): boolean {
  return role !== 'anonymous' && role !== 'service';
}

/** Whether the caller may read a user's data: the user, an API key of the user, an admin, or a service. */
export function mayAccess(caller: Caller, ownerId: string): boolean {
  return caller.role === 'admin' || caller.role === 'service' || isCaller(caller, ownerId);
}

/**
 * Returns the entity if it exists and the caller may read it. Throws NOT_FOUND otherwise, also for an
 * entity of another user, because PERMISSION_DENIED would reveal that it exists.
 *
 * `name` is the kind of entity in the message, such as `order`.
 */
export function requireOwner<T extends { userId: string }>(
  caller: Caller,
  entity: T | undefined,
  name: string,
): T {
  if (entity === undefined || !mayAccess(caller, entity.userId)) throw notFound(name);
  return entity;
}

/** Throws PERMISSION_DENIED unless the caller has one of the roles. */
export function requireRole({ role }: Caller, ...roles: readonly Role[]): void {
  if (roles.includes(role)) return;
  throw new MicroserviceError(`not allowed for the role ${role}`, Code.PERMISSION_DENIED);
}
