import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import type { Context } from './definition';

// Everything here depends on the master key, which is in a file and not in the state store.

const CIPHER = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;
/** Half of the 32 bytes of a refresh token's secret: one is derived, the other authenticates it. */
const HALF = 16;

type Secrets = Pick<Context, 'config' | 'callContext'>;

/**
 * Derives a secret of 256 bits, in base64url, for a purpose. It depends on the call context instead of
 * chance, so that a retry after a crash derives the same secret.
 */
export function deriveSecret(purpose: string, { config, callContext }: Secrets): string {
  return mac(config.USER_KEY_FILE, `${callContext.id} ${purpose}`).toString('base64url');
}

/** Derives a secret that depends on the purpose only. */
export function secretOf(purpose: string, { config }: Pick<Context, 'config'>): string {
  return mac(config.USER_KEY_FILE, `always ${purpose}`).toString('base64url');
}

/**
 * Derives the secret of a refresh token. It contains a code that authenticates it, so that a secret that
 * was issued for a session can be told from one that was made up, without a list of all that were issued.
 */
export function refreshSecret(sessionId: string, purpose: string, context: Secrets): string {
  const { config, callContext } = context;
  const key = config.USER_KEY_FILE;
  const derived = mac(key, `${callContext.id} refresh ${sessionId} ${purpose}`).subarray(0, HALF);
  return Buffer.concat([derived, authenticationCode(key, sessionId, derived)]).toString(
    'base64url',
  );
}

/** Whether a secret was once issued for the session. */
export function wasIssued(
  sessionId: string,
  secret: string,
  { config }: Pick<Context, 'config'>,
): boolean {
  const bytes = Buffer.from(secret, 'base64url');
  if (bytes.length !== 2 * HALF) return false;
  const code = authenticationCode(config.USER_KEY_FILE, sessionId, bytes.subarray(0, HALF));
  return timingSafeEqual(code, bytes.subarray(HALF));
}

/** A name for the master key that does not reveal it. */
export function nameOf(masterKey: string): string {
  return mac(masterKey, 'name').toString('base64url').slice(0, 16);
}

/** Encrypts a text with a key that is derived from the master key. `owner` has to be the same to unseal it. */
export function seal(masterKey: string, owner: string, text: string): string {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(CIPHER, mac(masterKey, 'seal'), iv).setAAD(Buffer.from(owner));
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64url');
}

/** Throws if the text was sealed with another master key or for another owner, or was changed. */
export function unseal(masterKey: string, owner: string, sealed: string): string {
  const bytes = Buffer.from(sealed, 'base64url');
  const iv = bytes.subarray(0, IV_BYTES);
  const tag = bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES);
  const options = { authTagLength: TAG_BYTES };
  const decipher = createDecipheriv(CIPHER, mac(masterKey, 'seal'), iv, options)
    .setAAD(Buffer.from(owner))
    .setAuthTag(tag);
  const text = decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES));
  return Buffer.concat([text, decipher.final()]).toString('utf8');
}

function authenticationCode(key: string, sessionId: string, derived: Buffer): Buffer {
  return mac(key, `issued ${sessionId} ${derived.toString('base64url')}`).subarray(0, HALF);
}

function mac(key: string, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
