import { z } from 'zod';
import { isoTimeAt } from '#kit/core/clock';
import { Id } from '#kit/core/validation';
import { Line } from '#retail/text';

const DAY_MS = 24 * 3_600_000;
const DEFAULT_DAYS = 90;
export const MAX_DAYS = 365;
/** Length of a chain of keys that created each other. */
export const MAX_DEPTH = 3;
/** A key with this scope may create others. */
export const CREATES_KEYS = 'api-keys:write';

/** An integration may do what this role may, limited to its scopes. */
const KeyRole = z.enum(['seller', 'admin']);

/** The fields that a client chooses for an API key. */
export const ApiKeyFields = z.object({
  name: Line(1, 100),
  role: KeyRole,
  scopes: z
    .array(z.string().regex(/^[a-z-]{1,32}:(read|write)$/, 'must be a scope such as orders:read'))
    .min(1)
    .max(32),
  /** 0 stands for the default, as protobuf returns it for an absent number. */
  validDays: z
    .int()
    .min(0)
    .max(MAX_DAYS)
    .default(0)
    .transform((days) => (days === 0 ? DEFAULT_DAYS : days)),
  /** Absent: the caller. */
  ownerId: Id.optional(),
});
export type ApiKeyFields = z.infer<typeof ApiKeyFields>;

const Time = z.iso.datetime();

/** The API key of an external integration. */
export const ApiKey = z.object({
  name: z.string(),
  role: KeyRole,
  scopes: z.array(z.string()),
  keyId: z.string(),
  secretHash: z.string(),
  createdAt: Time,
  // The fields below are absent in keys that were stored before keys expired and recorded their creator.
  validDays: z.int().optional(),
  expiresAt: Time.optional(),
  /** The user or key that created it: it is invalid as soon as its creator is. */
  createdBy: z.string().optional(),
  /** The user whom it belongs to. A key belongs to the user of the key that created it. */
  ownerId: z.string().optional(),
  /** Number of keys between it and the user who created the first key. */
  depth: z.int().optional(),
  /** The keys that are revoked with this one. A key with this field is invalid and about to be deleted. */
  revokes: z.array(z.string()).optional(),
});
export type ApiKey = z.infer<typeof ApiKey>;

/** What a key may be at most: the rights of its creator. */
export interface Creator {
  readonly id: string;
  readonly ownerId: string;
  /** Absent for a user, who has all scopes of the role. */
  readonly key?: ApiKey;
}

/** Why the creator may not create such a key; undefined if it may. */
export function refusalOfKey(
  { role, scopes, ownerId }: ApiKeyFields,
  { key, ownerId: own }: Creator,
): string | undefined {
  if (key === undefined) return undefined;
  if (ownerId !== undefined && ownerId !== own)
    return 'an API key creates keys for its own user only';
  if (!key.scopes.includes(CREATES_KEYS)) return `the API key lacks the scope ${CREATES_KEYS}`;
  const missing = scopes.filter((scope) => !key.scopes.includes(scope));
  if (missing.length > 0)
    return `the API key lacks the scopes that it would give: ${missing.join()}`;
  if (!permitsRole(key.role, role))
    return `an API key of a ${key.role} cannot create one of an ${role}`;
  if ((key.depth ?? 0) + 1 >= MAX_DEPTH)
    return 'the API key is too far from the user who created it';
  return undefined;
}

export function newApiKey(
  { ownerId, ...fields }: ApiKeyFields,
  { id, ownerId: own, key }: Creator,
  keyId: string,
  secretHash: string,
  at: number,
): ApiKey {
  const end = at + fields.validDays * DAY_MS;
  return {
    ...fields,
    keyId,
    secretHash,
    createdAt: isoTimeAt(at),
    expiresAt: isoTimeAt(key === undefined ? end : Math.min(end, expiryOf(key))),
    createdBy: id,
    ownerId: ownerId ?? own,
    depth: key === undefined ? 0 : (key.depth ?? 0) + 1,
  };
}

/** When a key expires, in milliseconds since the epoch. If it was not stored: after the longest lifetime. */
export function expiryOf({ createdAt, expiresAt }: ApiKey): number {
  return expiresAt === undefined
    ? Date.parse(createdAt) + MAX_DAYS * DAY_MS
    : Date.parse(expiresAt);
}

/** Whether someone with the role may give another role. */
export function permitsRole(own: string, given: ApiKey['role']): boolean {
  return own === 'admin' || own === given;
}

/** The key itself and the keys that it created, directly or not: all that the key may see and revoke. */
export function managedBy(keyId: string, all: readonly ApiKey[]): ApiKey[] {
  const ids = new Set([keyId, ...descendantsOf(keyId, all)]);
  return all.filter((key) => ids.has(key.keyId));
}

/** The ids of the keys that a key created, directly or not: those farthest from it first. */
export function descendantsOf(keyId: string, all: readonly ApiKey[]): string[] {
  const children = all.filter(({ createdBy }) => createdBy === keyId);
  return children.flatMap((child) => [...descendantsOf(child.keyId, all), child.keyId]);
}
