import { createHmac } from 'node:crypto';
import { SignJWT, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK } from 'jose';
import { isoTimeAt } from '#kit/core/clock';
import { TOKEN_AUDIENCE, TOKEN_ISSUER } from '#retail/session-token';
import type { Context } from './definition';
import type { User } from './domain';
import {
  type NewKey,
  SigningKey,
  type SigningKeySet,
  currentSigningKey,
  isRotationDue,
  rotated,
  verificationKeys,
} from './signing-keys';
import { ACCESS_TOKEN_MS } from './timeouts';

const ALGORITHM = 'ES256';
/** The stored key of the only key set. */
const KEY_SET = 'signing';

/** Returns the public part of every key that an unexpired access token may be signed with. */
export async function getKeys(_request: unknown, context: Context) {
  const keySet = await currentKeySet(context);
  const keys = verificationKeys(keySet, context.clock.now()).map(
    ({ kid, jwk: { kty, crv, x, y } }) => {
      return { kty, crv, x, y, kid, alg: ALGORITHM, use: 'sig' };
    },
  );
  return { keys };
}

/** Issues an access token. It is valid until its session ends, and for an hour at most. */
export async function issueAccessToken(user: User, sessionId: string, context: Context) {
  const { clock, caller, newId } = context;
  const { kid, jwk } = currentSigningKey(await currentKeySet(context), clock.now());
  const expires = clock.now() + ACCESS_TOKEN_MS;
  const claims = { email: user.email, role: user.role, tenant: caller.tenantId, sid: sessionId };
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: ALGORITHM, kid, typ: 'JWT' })
    .setIssuer(TOKEN_ISSUER)
    .setAudience(TOKEN_AUDIENCE)
    .setSubject(user.userId)
    .setJti(newId('token'))
    .setIssuedAt(Math.floor(clock.now() / 1000))
    .setNotBefore(Math.floor(clock.now() / 1000))
    .setExpirationTime(Math.floor(expires / 1000))
    .sign(await importJWK(jwk, ALGORITHM));
  return { token, expiresAt: isoTimeAt(Math.floor(expires / 1000) * 1000) };
}

/**
 * Derives a secret of 256 bits, in base64url, for a purpose. It depends on the signing key and the call
 * context instead of chance, so that a retry after a crash derives the same secret.
 */
export async function deriveSecret(purpose: string, context: Context): Promise<string> {
  const { jwk } = currentSigningKey(await currentKeySet(context), context.clock.now());
  return createHmac('sha256', jwk.d)
    .update(`${context.callContext.id} ${purpose}`)
    .digest('base64url');
}

/** The replica that first finds a rotation due makes the key: there is no job and no leader. */
async function currentKeySet({ keyRings, clock }: Context): Promise<SigningKeySet> {
  const keySet = await keyRings.get(KEY_SET);
  if (keySet !== undefined && !isRotationDue(keySet, clock.now())) return keySet;
  const key = await newKey();
  // if another replica was faster, its key stays and this one is discarded
  return keyRings.update(KEY_SET, (now) => rotated(now, key, clock.now()));
}

async function newKey(): Promise<NewKey> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
  const jwk = SigningKey.shape.jwk.parse(await exportJWK(privateKey));
  return { kid: await calculateJwkThumbprint(jwk), jwk };
}
