import { timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { requireRole } from '#kit/core/caller';
import { Code, MicroserviceError, invalid, notFound } from '#kit/core/errors';
import { isoTimeAt } from '#kit/core/clock';
import { toTimestamp } from '#kit/core/timestamps';
import { idempotencyKeyReused } from '#kit/delivery/idempotency-store';
import { Id, PageRequest, validate } from '#kit/core/validation';
import type {
  AuthenticateApiKeyRequest,
  CreateApiKeyRequest,
  ListApiKeysRequest,
  RevokeApiKeyRequest,
} from '#proto/retail/user/v1/user_pb';
import { mayHold, requireAdmin } from './accounts';
import {
  type ApiKey,
  ApiKeyFields,
  type Creator,
  MAX_DEPTH,
  managedBy,
  descendantsOf,
  expiryOf,
  newApiKey,
  refusalOfKey,
} from './api-key-domain';
import type { Context } from './definition';
import { deriveSecret } from './secrets';
import { hashSecret } from './session-domain';

/** The list of all keys of a tenant. */
const LIST = 'all';
/** Entries of a page while all keys are read. */
const PAGE = 100;

/**
 * Creates a key with rights that its creator has. The response is the only place where the key appears;
 * a repeat under the same Idempotency-Key returns the same key.
 */
export async function createApiKey(request: CreateApiKeyRequest, context: Context) {
  const { apiKeys, lists, clock, newId } = context;
  await requireAdmin(context);
  const fields = validate(ApiKeyFields, request);
  const creator = await creatorOf(context);
  const refusal = refusalOfKey(fields, creator);
  if (refusal !== undefined) throw new MicroserviceError(refusal, Code.PERMISSION_DENIED);
  await requireHolder(fields, context);
  const keyId = newId('key');
  const secret = deriveSecret(`api key ${keyId}`, context);
  // the list comes first: a key that works can always be found and revoked
  await lists.apiKeys.add(LIST, keyId);
  const key = await apiKeys.update(
    keyId,
    (now) => now ?? newApiKey(fields, creator, keyId, hashSecret(secret), clock.now()),
  );
  const { name, role, scopes, validDays, ownerId } = key;
  const asStored = { ...fields, ownerId: fields.ownerId ?? creator.ownerId };
  if (JSON.stringify({ name, role, scopes, validDays, ownerId }) !== JSON.stringify(asStored))
    throw idempotencyKeyReused();
  return { ...toMessage(key), key: `${keyId}.${secret}` };
}

/** The user or API key on whose behalf a key is created. */
async function creatorOf({ caller, apiKeys }: Context): Promise<Creator> {
  const { userId: id } = caller;
  const key = await apiKeys.get(id);
  return key === undefined ? { id, ownerId: id } : { id, ownerId: key.ownerId ?? '', key };
}

/** Throws INVALID_ARGUMENT if the key is for a user who cannot hold it. */
async function requireHolder({ ownerId, role }: ApiKeyFields, { users }: Context): Promise<void> {
  if (ownerId === undefined) return;
  if (!mayHold(role, await users.get(ownerId))) {
    throw invalid('ownerId', `must be a user with the role ${role} who is not blocked`);
  }
}

/** The keys that the caller may see: all for a user, for a key itself and those that come from it. */
export async function listApiKeys(request: ListApiKeysRequest, context: Context) {
  const { apiKeys, lists, caller } = context;
  await requireAdmin(context);
  const { page, limit } = validate(PageRequest, request);
  if ((await apiKeys.get(caller.userId)) !== undefined) {
    const managed = managedBy(caller.userId, await allKeys(context));
    const items = managed.slice((page - 1) * limit, page * limit).map(toMessage);
    return { items, page, limit, total: managed.length };
  }
  const { items, total } = await lists.apiKeys.page(LIST, page, limit);
  const keys = await Promise.all(items.map((keyId) => apiKeys.get(keyId)));
  return {
    items: keys.flatMap((key) => (key === undefined ? [] : toMessage(key))),
    page,
    limit,
    total,
  };
}

const RevokeRequest = z.object({ keyId: Id });

/**
 * Revokes a key and the keys that it created. A user may revoke every key; a key may revoke itself, as when
 * it became known, and those that come from it. Others do not exist for it. Gateways cache valid keys, so
 * that the last one refuses them within five seconds. The key itself is deleted last: a retry after a crash
 * finds what is left.
 */
export async function revokeApiKey(request: RevokeApiKeyRequest, context: Context) {
  const { apiKeys, lists, caller } = context;
  await requireAdmin(context);
  const { keyId } = validate(RevokeRequest, request);
  if ((await apiKeys.get(keyId)) === undefined) throw notFound('api key');
  const all = await allKeys(context);
  const byKey = (await apiKeys.get(caller.userId)) !== undefined;
  if (byKey && !managedBy(caller.userId, all).some((key) => key.keyId === keyId)) {
    throw notFound('api key');
  }
  const descendants = descendantsOf(keyId, all);
  const { revokes = [] } = await apiKeys.update(keyId, (now) => {
    if (now === undefined) throw notFound('api key');
    return { ...now, revokes: [...new Set([...(now.revokes ?? []), ...descendants])] };
  });
  const keyIds = [...revokes, keyId];
  for (const each of keyIds) {
    await lists.apiKeys.remove(LIST, each);
    await apiKeys.delete(each);
  }
  return { keyIds };
}

async function allKeys({ apiKeys, lists }: Context): Promise<ApiKey[]> {
  const all: ApiKey[] = [];
  for (let page = 1, left = true; left; page++) {
    const { items, total } = await lists.apiKeys.page(LIST, page, PAGE);
    const keys = await Promise.all(items.map((keyId) => apiKeys.get(keyId)));
    all.push(...keys.filter((key) => key !== undefined));
    left = page * PAGE < total;
  }
  return all;
}

/** Returns the role and scopes of a key. For the gateway only. */
export async function authenticateApiKey(request: AuthenticateApiKeyRequest, context: Context) {
  const { apiKeys, caller, users } = context;
  requireRole(caller, 'service');
  const [keyId = '', secret = ''] = request.key.split('.');
  const key = Id.safeParse(keyId).success ? await apiKeys.get(keyId) : undefined;
  const given = Buffer.from(hashSecret(secret));
  const isRight = key !== undefined && timingSafeEqual(given, Buffer.from(key.secretHash));
  if (!isRight || !(await isValid(key, context))) {
    throw new MicroserviceError('the API key is not valid', Code.UNAUTHENTICATED);
  }
  const { role, scopes, ownerId = '' } = key;
  const expiresAt = toTimestamp(isoTimeAt(expiryOf(key)));
  // a key with a lower role than its user is an integration of its own, apart from the user's other keys
  const actsFor = (await users.get(ownerId))?.role === role ? ownerId : '';
  return { keyId, role, scopes, tenantId: caller.tenantId, expiresAt, ownerId, actsFor };
}

/**
 * Whether a key and every key that it comes from has not expired or been revoked, and the user who
 * created the first one, and the one whom it belongs to, may still hold it.
 */
export async function isValid(key: ApiKey, { apiKeys, users, clock }: Context): Promise<boolean> {
  const { ownerId } = key;
  if (ownerId !== undefined && !mayHold(key.role, await users.get(ownerId))) return false;
  let current: ApiKey | undefined = key;
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    if (expiryOf(current) <= clock.now() || current.revokes !== undefined) return false;
    const { createdBy, role } = current;
    if (createdBy === undefined) return true;
    if ((current.depth ?? 0) === 0) return mayHold(role, await users.get(createdBy));
    current = await apiKeys.get(createdBy);
    if (current === undefined) return false;
  }
  return false;
}

function toMessage(key: ApiKey) {
  const { keyId, name, role, scopes, createdAt, createdBy = '', ownerId = '' } = key;
  return {
    keyId,
    name,
    role,
    scopes,
    createdAt: toTimestamp(createdAt),
    expiresAt: toTimestamp(isoTimeAt(expiryOf(key))),
    createdBy,
    ownerId,
  };
}
