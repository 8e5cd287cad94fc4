import { randomUUID } from 'node:crypto';
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

// A folder of keys: public/<app-id>.json is the JWK Set of the keys that a service may sign with,
// private/<app-id>.json the one that it signs with. Each service has a pair of its own, and no
// secret is shared: so who has got hold of one service can call as that one only.

export const ALGORITHM = 'ES256';
/** Whoever signs with the key before, another replica or a token that is out, is still believed. */
const KEPT_KEYS = 2;

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

/** What a service signs with. */
export interface SigningKey {
  readonly kid: string;
  readonly key: CryptoKey;
}

/** What a service may have signed with. */
export interface PublicKey {
  readonly service: string;
  readonly key: CryptoKey;
}

/**
 * The key that a service signs with, made where there is none. Its public half is there for the
 * others when this returns. A private key that was removed makes room for another: that of before
 * is believed until the next change. Throws where the folder cannot be read, or not be written where
 * that is needed.
 */
export async function loadSigningKey(folder: string, service: string): Promise<SigningKey> {
  const file = join(folder, 'private', `${service}.json`);
  const jwk = PrivateJwk.parse(await readJson(file, () => makeKey(file)));
  await publish(join(folder, 'public', `${service}.json`), jwk);
  return { kid: jwk.kid, key: await imported(jwk) };
}

/** Everybody's public keys, by name. What is no set of keys is left out, with a warning. */
export async function loadPublicKeys(
  folder: string,
  log: Log,
): Promise<ReadonlyMap<string, PublicKey>> {
  const known = new Map<string, PublicKey>();
  const files = (await readdir(join(folder, 'public'))).filter((name) => name.endsWith('.json'));
  for (const file of files) {
    const service = basename(file, '.json');
    try {
      const { keys } = PublicKeys.parse(await readJson(join(folder, 'public', file)));
      for (const jwk of keys) known.set(jwk.kid, { service, key: await imported(jwk) });
    } catch (error) {
      log.warn({ peer: service, failure: String(error) }, 'its keys cannot be read');
    }
  }
  return known;
}

async function makeKey(file: string): Promise<void> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
  const jwk = await exportJWK(privateKey);
  const whole = PrivateJwk.parse({ ...jwk, kid: await calculateJwkThumbprint(jwk) });
  await put(file, whole, async (written) => {
    try {
      await link(written, file);
    } catch (error) {
      // another replica was quicker: its key stands
      if (!isError(error, 'EEXIST')) throw error;
    }
  });
}

async function publish(file: string, { d: _, ...own }: PrivateJwk): Promise<void> {
  const { keys } = PublicKeys.parse(await readJson(file, () => put(file, { keys: [] })));
  if (keys.some(({ kid }) => kid === own.kid)) return;
  await put(file, { keys: [own, ...keys].slice(0, KEPT_KEYS) });
}

/** Writes a file as a whole: whoever reads meanwhile sees what was there before. */
async function put(
  file: string,
  value: unknown,
  place = (written: string) => rename(written, file),
): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const written = `${file}.${randomUUID()}`;
  try {
    await writeFile(written, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
    await place(written);
  } finally {
    await rm(written, { force: true });
  }
}

async function readJson(file: string, make?: () => Promise<void>): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    if (make === undefined || !isError(error, 'ENOENT')) throw error;
    await make();
    return readJson(file);
  }
}

function isError(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}

async function imported(jwk: z.infer<typeof Jwk>): Promise<CryptoKey> {
  return importJWK(jwk, ALGORITHM);
}
