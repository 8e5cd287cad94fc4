import { type JWTPayload, SignJWT, exportJWK, generateKeyPair } from 'jose';
import { TOKEN_AUDIENCE, TOKEN_ISSUER } from '#retail/session-token';

export const KID = 'key-1';

/** A key pair like those of the user service: the private key, and the public one as a JWK. */
export async function newKey(kid = KID) {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  const { x = '', y = '' } = await exportJWK(publicKey);
  const jwk = { kty: 'EC', crv: 'P-256', x, y, kid, alg: 'ES256', use: 'sig' };
  return { kid, privateKey, jwk };
}
export type SigningKey = Awaited<ReturnType<typeof newKey>>;

/**
 * Signs a session token that is valid for an hour from `nowMs`. The given claims replace its own; those
 * that are undefined are left out.
 */
export async function signToken(
  signer: SigningKey,
  nowMs: number,
  claims: Readonly<Record<string, unknown>>,
): Promise<string> {
  const now = Math.floor(nowMs / 1000);
  const all = {
    iss: TOKEN_ISSUER,
    aud: TOKEN_AUDIENCE,
    sub: 'user_1',
    role: 'customer',
    tenant: 'default',
    sid: 's_1',
    iat: now,
    nbf: now,
    exp: now + 3600,
    ...claims,
  };
  // through JSON, which drops what is undefined
  const payload = JSON.parse(JSON.stringify(all)) as JWTPayload;
  return new SignJWT(payload)
    .setProtectedHeader({ alg: 'ES256', kid: signer.kid })
    .sign(signer.privateKey);
}
