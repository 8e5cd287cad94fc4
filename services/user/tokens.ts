import { SignJWT, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK } from 'jose';
import { isoTimeAt } from '#kit/core/clock';
import { TOKEN_AUDIENCE, TOKEN_ISSUER } from '#retail/session-token';
import type { Context } from './definition';
import type { User } from './domain';
import { nameOf, seal, unseal } from './secrets';
import type { Session } from './session-domain';
import {
  type NewKey,
  SigningKey,
  type SigningKeySet,
  currentSigningKey,
  hasUnsealedKey,
  isRotationDue,
  rotated,
  verificationKeys,
  withSealedKeys,
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
export async function issueAccessToken(user: User, session: Session, context: Context) {
  const { clock, caller, config, newId } = context;
  const masterKey = config.USER_KEY_FILE;
  const keySet = await currentKeySet(context);
  const { kid, jwk, sealed } = currentSigningKey(keySet, nameOf(masterKey), clock.now());
  const privateKey = await importJWK({ ...jwk, d: unseal(masterKey, kid, sealed.d) }, ALGORITHM);
  const expires = Math.min(clock.now() + ACCESS_TOKEN_MS, Date.parse(session.expiresAt));
  const { sessionId: sid } = session;
  const claims = { email: user.email, role: user.role, tenant: caller.tenantId, sid };
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: ALGORITHM, kid, typ: 'JWT' })
    .setIssuer(TOKEN_ISSUER)
    .setAudience(TOKEN_AUDIENCE)
    .setSubject(user.userId)
    .setJti(newId('token'))
    .setIssuedAt(Math.floor(clock.now() / 1000))
    .setNotBefore(Math.floor(clock.now() / 1000))
    .setExpirationTime(Math.floor(expires / 1000))
    .sign(privateKey);
  return { token, expiresAt: isoTimeAt(Math.floor(expires / 1000) * 1000) };
}

/** The replica that first finds a rotation due makes the key: there is no job and no leader. */
async function currentKeySet({ keyRings, clock, config }: Context): Promise<SigningKeySet> {
  const masterKey = config.USER_KEY_FILE;
  const by = nameOf(masterKey);
  const keySet = await keyRings.get(KEY_SET);
  const isCurrent = keySet !== undefined && !hasUnsealedKey(keySet);
  if (isCurrent && !isRotationDue(keySet, by, clock.now())) return keySet;
  const sealed = (kid: string, d: string) => ({ by, d: seal(masterKey, kid, d) });
  const key = await newKey(sealed);
  // if another replica was faster, its key stays and this one is discarded
  return keyRings.update(KEY_SET, (now) =>
    rotated(now && withSealedKeys(now, sealed), key, clock.now()),
  );
}

async function newKey(sealed: (kid: string, d: string) => NewKey['sealed']): Promise<NewKey> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
  const { d = '', ...jwk } = SigningKey.shape.jwk.parse(await exportJWK(privateKey));
  const kid = await calculateJwkThumbprint(jwk);
  return { kid, jwk, sealed: sealed(kid, d) };
}
