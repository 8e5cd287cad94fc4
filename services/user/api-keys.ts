import { toTimestamp } from '#kit/core/timestamps';
import { timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { requireRole } from '#kit/core/caller';
import { isoTime } from '#kit/core/clock';
import { Code, MicroserviceError, notFound } from '#kit/core/errors';
import { idempotencyKeyReused } from '#kit/delivery/idempotency-store';
import { Id, PageRequest, Text, validate } from '#kit/core/validation';
import type {
  AuthenticateApiKeyRequest,
  CreateApiKeyRequest,
  ListApiKeysRequest,
  RevokeApiKeyRequest,
} from '#proto/retail/user/v1/user_pb';
import { newSecret } from './keys';
import type { Context } from './definition';
import { hashed } from './sessions';

const Wanted = z.object({
  name: Text(1, 100),
  /** An integration does what a seller or an admin may, and of that only what its scopes say. */
  role: z.enum(['seller', 'admin']),
  scopes: z
    .array(z.string().regex(/^[a-z-]{1,32}:(read|write)$/, 'must be such as orders:read'))
    .min(1)
    .max(32),
});

/** A key of an external integration. */
export const ApiKey = Wanted.extend({
  keyId: z.string(),
  secretHash: z.string(),
  createdAt: z.iso.datetime(),
});
export type ApiKey = z.infer<typeof ApiKey>;

const LIST = 'all';

/** Makes a key, and tells it this once. Asked again under the same Idempotency-Key it is the same. */
export async function createApiKey(request: CreateApiKeyRequest, context: Context) {
  const { apiKeys, lists, clock, caller, newId } = context;
  requireRole(caller, 'admin');
  const wanted = validate(Wanted, request);
  const keyId = newId('key');
  const secret = await newSecret(`api key ${keyId}`, context);
  // listed first: what can be used can be found and revoked
  await lists.apiKeys.add(LIST, keyId);
  const key = await apiKeys.update(
    keyId,
    (now) => now ?? { ...wanted, keyId, secretHash: hashed(secret), createdAt: isoTime(clock) },
  );
  const { name, role, scopes } = key;
  if (JSON.stringify({ name, role, scopes }) !== JSON.stringify(wanted))
    throw idempotencyKeyReused();
  return { ...shown(key), key: `${keyId}.${secret}` };
}

export async function listApiKeys(request: ListApiKeysRequest, context: Context) {
  const { apiKeys, lists, caller } = context;
  requireRole(caller, 'admin');
  const { page, limit } = validate(PageRequest, request);
  const { items, total } = await lists.apiKeys.page(LIST, page, limit);
  const keys = await Promise.all(items.map((keyId) => apiKeys.get(keyId)));
  return {
    items: keys.flatMap((key) => (key === undefined ? [] : shown(key))),
    page,
    limit,
    total,
  };
}

const KeyRequest = z.object({ keyId: Id });

/** Ends a key: no gateway takes it any more once it has forgotten it, within a minute. */
export async function revokeApiKey(request: RevokeApiKeyRequest, context: Context) {
  const { apiKeys, lists, caller } = context;
  requireRole(caller, 'admin');
  const { keyId } = validate(KeyRequest, request);
  if ((await apiKeys.get(keyId)) === undefined) throw notFound('api key');
  await apiKeys.delete(keyId);
  await lists.apiKeys.remove(LIST, keyId);
  return {};
}

/** Whose a key is; for the edge only. */
export async function authenticateApiKey(
  request: AuthenticateApiKeyRequest,
  { apiKeys, caller }: Context,
) {
  requireRole(caller, 'service');
  const [keyId = '', secret = ''] = request.key.split('.');
  const key = Id.safeParse(keyId).success ? await apiKeys.get(keyId) : undefined;
  const given = Buffer.from(hashed(secret));
  if (key === undefined || !timingSafeEqual(given, Buffer.from(key.secretHash))) {
    throw new MicroserviceError('the API key is not valid', Code.UNAUTHENTICATED);
  }
  return { keyId, role: key.role, scopes: key.scopes, tenantId: caller.tenantId };
}

function shown({ keyId, name, role, scopes, createdAt }: ApiKey) {
  return { keyId, name, role, scopes, createdAt: toTimestamp(createdAt) };
}
