import { type ScryptOptions, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

// With N = 2^15 these are the parameters that OWASP's Password Storage Cheat Sheet recommends for
// scrypt: 32 MiB and three passes for every guess.
const BLOCK = 8;
const PASSES = 3;
const SALT_BYTES = 16;
const KEY_BYTES = 32;

const ENCODED = /^\$scrypt\$ln=(\d+),r=(\d+),p=(\d+)\$([\w-]+)\$([\w-]+)$/;

/** Hashes a password. The text contains the parameters and the salt. `cost` is a power of two. */
export async function hashPassword(password: string, cost: number): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  return encode(cost, salt, await derive(password, salt, cost, BLOCK, PASSES, KEY_BYTES));
}

/**
 * A hash that no password matches. Verifying it takes the usual time, so that the time of an answer does
 * not reveal whether an account exists.
 */
export function dummyHash(cost: number): string {
  return encode(cost, Buffer.alloc(SALT_BYTES), Buffer.alloc(KEY_BYTES));
}

export async function verifyPassword(password: string, encoded: string): Promise<boolean> {
  const { cost, block, passes, salt, key } = decode(encoded);
  const given = await derive(password, salt, cost, block, passes, key.length);
  return timingSafeEqual(given, key);
}

/** Whether the hash was made at a lower cost. */
export function needsRehash(encoded: string, cost: number): boolean {
  return decode(encoded).cost < cost;
}

function encode(cost: number, salt: Buffer, key: Buffer): string {
  const parameters = `ln=${cost},r=${BLOCK},p=${PASSES}`;
  return `$scrypt$${parameters}$${salt.toString('base64url')}$${key.toString('base64url')}`;
}

function decode(encoded: string) {
  const [, cost, block, passes, salt, key] = ENCODED.exec(encoded) ?? [];
  if (salt === undefined || key === undefined) throw new Error('not a password hash');
  return {
    cost: Number(cost),
    block: Number(block),
    passes: Number(passes),
    salt: Buffer.from(salt, 'base64url'),
    key: Buffer.from(key, 'base64url'),
  };
}

function derive(
  password: string,
  salt: Buffer,
  cost: number,
  block: number,
  passes: number,
  bytes: number,
): Promise<Buffer> {
  const N = 2 ** cost;
  const options: ScryptOptions = { N, r: block, p: passes, maxmem: 256 * N * block };
  return new Promise((resolve, reject) => {
    // keyboards produce the same character composed or decomposed, so that it is normalised
    scrypt(password.normalize('NFKC'), salt, bytes, options, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}
