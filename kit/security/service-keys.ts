import { type KeyObject, createPrivateKey, createPublicKey, randomUUID } from 'node:crypto';
import { link, mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import {
  type CryptoKey,
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
} from 'jose';
import { z } from 'zod';
import type { Log } from '../core/log';

// The folder of keys: private/<app-id>.json holds the JWK with which a service signs its events and tokens, and
// public/<app-id>.json the JWK Set with which others verify them. Each service has a key pair of
// its own and no secret is shared, so an attacker who controls one service can call as that one only.

export const ALGORITHM = 'ES256';
/**
 * The new public key and the one before it: other replicas and unexpired tokens still use the old
 * key.
 */
const MAX_PUBLIC_KEYS = 2;

const Jwk = z.object({
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: z.string(),
  y: z.string(),
});
const PublicJwk = Jwk.extend({ kid: z.string() });
const PublicKeys = z.object({ keys: z.array(PublicJwk) });
const PrivateJwk = PublicJwk.extend({ d: z.string() });
type PrivateJwk = z.infer<typeof PrivateJwk>;

/** The key with which a service signs. */
export interface SigningKey {
  readonly kid: string;
  /** The same key for jose, and for node:crypto, which signs without a turn of the event loop. */
  readonly key: CryptoKey;
  readonly keyObject: KeyObject;
}

/** A key with which signatures of a service are verified. */
export interface PublicKey {
  readonly kid: string;
  readonly service: string;
  readonly key: CryptoKey;
  readonly keyObject: KeyObject;
}

/**
 * Loads the key with which a service signs, or generates it if there is none. When this resolves, the
 * public key is in the folder too. To rotate the key, delete the private one: the old public key is
 * accepted until the next rotation. Throws if the folder cannot be read, or has to be written and cannot.
 */
export async function loadSigningKey(folder: string, service: string): Promise<SigningKey> {
  const file = join(folder, 'private', `${service}.json`);
  const jwk = PrivateJwk.parse(await readJson(file, () => generateKey(file)));
  await publishKey(join(folder, 'public', `${service}.json`), jwk);
  return {
    kid: jwk.kid,
    key: await importKey(jwk),
    keyObject: createPrivateKey({ key: jwk, format: 'jwk' }),
  };
}

/** The public keys of all services. A file that is not a valid key set is skipped and logged. */
export async function loadPublicKeys(folder: string, log: Log): Promise<PublicKey[]> {
  const publicKeys: PublicKey[] = [];
  const files = (await readdir(join(folder, 'public'))).filter((name) => name.endsWith('.json'));
  for (const file of files) {
    const service = basename(file, '.json');
    try {
      const { keys } = PublicKeys.parse(await readJson(join(folder, 'public', file)));
      for (const jwk of keys) {
        const keyObject = createPublicKey({ key: jwk, format: 'jwk' });
        publicKeys.push({ kid: jwk.kid, service, key: await importKey(jwk), keyObject });
      }
    } catch (error) {
      log.warn(
        { peer: service, failure: String(error) },
        'public keys of a service cannot be read',
      );
    }
  }
  return publicKeys;
}

async function generateKey(file: string): Promise<void> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
  const exported = await exportJWK(privateKey);
  const jwk = PrivateJwk.parse({ ...exported, kid: await calculateJwkThumbprint(exported) });
  await writeAtomically(file, jwk, async (temporary) => {
    try {
      await link(temporary, file);
    } catch (error) {
      // another replica generated the key first: use that one
      if (!hasCode(error, 'EEXIST')) throw error;
    }
  });
}

async function publishKey(file: string, { d: _, ...publicJwk }: PrivateJwk): Promise<void> {
  const { keys } = PublicKeys.parse(
    await readJson(file, () => writeAtomically(file, { keys: [] })),
  );
  if (keys.some(({ kid }) => kid === publicJwk.kid)) return;
  await writeAtomically(file, { keys: [publicJwk, ...keys].slice(0, MAX_PUBLIC_KEYS) });
}

/** Writes a temporary file and moves it into place, so that readers never see a partial file. */
async function writeAtomically(
  file: string,
  value: unknown,
  moveIntoPlace = (temporary: string) => rename(temporary, file),
): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const temporary = `${file}.${randomUUID()}`;
  try {
    await writeFile(temporary, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
    await moveIntoPlace(temporary);
  } finally {
    await rm(temporary, { force: true });
  }
}

async function readJson(file: string, createMissing?: () => Promise<void>): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    if (createMissing === undefined || !hasCode(error, 'ENOENT')) throw error;
    await createMissing();
    return readJson(file);
  }
}

function hasCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}

async function importKey(jwk: z.infer<typeof Jwk>): Promise<CryptoKey> {
  return importJWK(jwk, ALGORITHM);
}
