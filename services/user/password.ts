import { type ScryptOptions, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

// With N = 2^15 what OWASP's Password Storage Cheat Sheet asks of scrypt: 32 MiB and three
// passes for every guess.
const BLOCK = 8;
const PASSES = 3;
const SALT_BYTES = 16;
const KEY_BYTES = 32;

const ENCODED = /^\$scrypt\$ln=(\d+),r=(\d+),p=(\d+)\$([\w-]+)\$([\w-]+)$/;

/** A password's hash as one text, with all that it takes to check a password against it. */
export async function hashPassword(password: string, cost: number): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  return encode(cost, salt, await derive(password, salt, cost, BLOCK, PASSES, KEY_BYTES));
}

/** A hash that no password has, to take as much time where there is no account. */
export function noPassword(cost: number): string {
  return encode(cost, Buffer.alloc(SALT_BYTES), Buffer.alloc(KEY_BYTES));
}

export async function isPassword(password: string, encoded: string): Promise<boolean> {
  const { cost, block, passes, salt, key } = decode(encoded);
  const given = await derive(password, salt, cost, block, passes, key.length);
  return timingSafeEqual(given, key);
}

/** Whether it was made when a guess was allowed to be cheaper. */
export function isCheaper(encoded: string, cost: number): boolean {
  return decode(encoded).cost < cost;
}

function encode(cost: number, salt: Buffer, key: Buffer): string {
  const parameters = `ln=${cost},r=${BLOCK},p=${PASSES}`;
  return `$scrypt$${parameters}$${salt.toString('base64url')}$${key.toString('base64url')}`;
}

function decode(encoded: string) {
  const [, cost, block, passes, salt, key] = ENCODED.exec(encoded) ?? [];
  if (salt === undefined || key === undefined) throw new Error('this is no hash of a password');
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
    // the same characters come composed from one keyboard and decomposed from another
    scrypt(password.normalize('NFKC'), salt, bytes, options, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}
