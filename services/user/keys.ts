import { createHmac } from 'node:crypto';
import { SignJWT, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK } from 'jose';
import { TOKEN_AUDIENCE, TOKEN_ISSUER } from '#retail/session-token';
import {
  type KeyRing,
  type NewKey,
  SigningKey,
  TOKEN_MS,
  honoured,
  isDue,
  renewed,
  signingKey,
} from './key-ring';
import type { User } from './domain';
import type { Context } from './definition';

const ALGORITHM = 'ES256';
const RING = 'signing';

/** Answers the public half of every key that a living token may be signed with. */
export async function getKeys(_request: unknown, context: Context) {
  const ring = await currentRing(context);
  const keys = honoured(ring, context.clock.now()).map(({ kid, jwk: { kty, crv, x, y } }) => {
    return { kty, crv, x, y, kid, alg: ALGORITHM, use: 'sig' };
  });
  return { keys };
}

/**
 * A token of the user, good as long as the session lasts, and for an hour at most: no longer may a
 * role that was taken away still be used.
 */
export async function newToken(user: User, sessionId: string, context: Context) {
  const { clock, caller, newId } = context;
  const { kid, jwk } = signingKey(await currentRing(context), clock.now());
  const expires = clock.now() + TOKEN_MS;
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
  return { token, expiresAt: new Date(Math.floor(expires / 1000) * 1000) };
}

/**
 * A secret of 256 bits for what is named. It comes from the signing key and the cause of the work,
 * and not from chance: work that is done again after a crash gives the same one.
 */
export async function newSecret(name: string, context: Context): Promise<string> {
  const { jwk } = signingKey(await currentRing(context), context.clock.now());
  return createHmac('sha256', jwk.d)
    .update(`${context.callContext.id} ${name}`)
    .digest('base64url');
}

/** The key ring, made or renewed by whoever first finds that it is time: no job, no leader. */
async function currentRing({ keyRings, clock }: Context): Promise<KeyRing> {
  const ring = await keyRings.get(RING);
  if (ring !== undefined && !isDue(ring, clock.now())) return ring;
  const key = await newKey();
  // where another replica was quicker, its key stands and this one is forgotten
  return keyRings.update(RING, (now) => renewed(now, key, clock.now()));
}

async function newKey(): Promise<NewKey> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
  const jwk = SigningKey.shape.jwk.parse(await exportJWK(privateKey));
  return { kid: await calculateJwkThumbprint(jwk), jwk };
}
