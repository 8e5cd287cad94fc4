import { randomBytes, randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';

// A master key is stored in a file and nowhere else, so that the documents of a service alone reveal
// nothing that is derived from it or encrypted with it.

const BYTES = 32;
const FORM = /^[\w-]{43}$/;

/**
 * A configuration variable with the path of a master key: 32 bytes in base64url. The file is read at the
 * start and created if it does not exist. All replicas of a service have to share it.
 */
export const KeyFile = z.string().transform((path, context) => {
  try {
    const key = readOrCreate(path);
    if (FORM.test(key)) return key;
    context.addIssue(
      `names a file that does not contain a key: ${String(BYTES)} bytes in base64url`,
    );
  } catch (error) {
    context.addIssue(`names a file that cannot be read or created: ${String(error)}`);
  }
  return z.NEVER;
});

function readOrCreate(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if (!isError(error, 'ENOENT')) throw error;
  }
  create(path);
  return readFileSync(path, 'utf8').trim();
}

/** Atomic, and flushed to the disk: a truncated key would make everything that depends on it invalid. */
function create(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const written = `${path}.${randomUUID()}`;
  try {
    const key = `${randomBytes(BYTES).toString('base64url')}\n`;
    writeFileSync(written, key, { mode: 0o600, flag: 'wx', flush: true });
    linkSync(written, path);
  } catch (error) {
    // another replica was faster, and its key is used
    if (!isError(error, 'EEXIST')) throw error;
  } finally {
    rmSync(written, { force: true });
  }
}

function isError(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}
