import { timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { requireRole } from '#kit/core/caller';
import { isoTime } from '#kit/core/clock';
import { Code, MicroserviceError, notFound } from '#kit/core/errors';
import { toTimestamp } from '#kit/core/timestamps';
import { idempotencyKeyReused } from '#kit/delivery/idempotency-store';
import { Id, PageRequest, validate } from '#kit/core/validation';
import type {
  AuthenticateApiKeyRequest,
  CreateApiKeyRequest,
  ListApiKeysRequest,
  RevokeApiKeyRequest,
} from '#proto/retail/user/v1/user_pb';
import type { Context } from './definition';
import { type ApiKey, ApiKeyFields } from './domain';
import { hashSecret } from './session-domain';
import { deriveSecret } from './tokens';

/** The list of all keys of a tenant. */
const LIST = 'all';

/**
 * Creates a key. The response is the only place where the key appears; a repeat under the same
 * Idempotency-Key returns the same key.
 */
export async function createApiKey(request: CreateApiKeyRequest, context: Context) {
  const { apiKeys, lists, clock, caller, newId } = context;
  requireRole(caller, 'admin');
  const fields = validate(ApiKeyFields, request);
  const keyId = newId('key');
  const secret = await deriveSecret(`api key ${keyId}`, context);
  // the list comes first: a key that works can always be found and revoked
  await lists.apiKeys.add(LIST, keyId);
  const key = await apiKeys.update(
    keyId,
    (now) => now ?? { ...fields, keyId, secretHash: hashSecret(secret), createdAt: isoTime(clock) },
  );
  const { name, role, scopes } = key;
  if (JSON.stringify({ name, role, scopes }) !== JSON.stringify(fields))
    throw idempotencyKeyReused();
  return { ...toMessage(key), key: `${keyId}.${secret}` };
}

export async function listApiKeys(request: ListApiKeysRequest, context: Context) {
  const { apiKeys, lists, caller } = context;
  requireRole(caller, 'admin');
  const { page, limit } = validate(PageRequest, request);
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

/** Revokes a key. Gateways cache valid keys, so that the last one refuses it within a minute. */
export async function revokeApiKey(request: RevokeApiKeyRequest, context: Context) {
  const { apiKeys, lists, caller } = context;
  requireRole(caller, 'admin');
  const { keyId } = validate(RevokeRequest, request);
  if ((await apiKeys.get(keyId)) === undefined) throw notFound('api key');
  await apiKeys.delete(keyId);
  await lists.apiKeys.remove(LIST, keyId);
  return {};
}

/** Returns the role and scopes of a key. For the gateway only. */
export async function authenticateApiKey(
  request: AuthenticateApiKeyRequest,
  { apiKeys, caller }: Context,
) {
  requireRole(caller, 'service');
  const [keyId = '', secret = ''] = request.key.split('.');
  const key = Id.safeParse(keyId).success ? await apiKeys.get(keyId) : undefined;
  const given = Buffer.from(hashSecret(secret));
  if (key === undefined || !timingSafeEqual(given, Buffer.from(key.secretHash))) {
    throw new MicroserviceError('the API key is not valid', Code.UNAUTHENTICATED);
  }
  return { keyId, role: key.role, scopes: key.scopes, tenantId: caller.tenantId };
}

function toMessage({ keyId, name, role, scopes, createdAt }: ApiKey) {
  return { keyId, name, role, scopes, createdAt: toTimestamp(createdAt) };
}
