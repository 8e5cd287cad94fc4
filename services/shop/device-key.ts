import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';

// The credentials of all devices are derived from one master key. It is stored in a file and nowhere
// else, so that the documents alone reveal no credential.

const BYTES = 32;
const FORM = /^[\w-]{43}$/;

/**
 * A configuration variable with the path of the master key. The file is read at the start and created
 * if it does not exist. Replicas have to share it: with another key, every known credential is invalid.
 */
export const DeviceKeyFile = z.string().transform((path, context) => {
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

/** The credential of a device: its password at the broker and the key that signs its messages. */
export function credentialOf(
  masterKey: string,
  tenantId: string,
  deviceId: string,
  version: number,
): string {
  return deriveBytes(masterKey, `${tenantId}/${deviceId}/${String(version)}`).toString('base64url');
}

/** Derives 32 bytes for a purpose. The same purpose always gives the same bytes. */
export function deriveBytes(masterKey: string, purpose: string): Buffer {
  return createHmac('sha256', masterKey).update(purpose).digest();
}

function readOrCreate(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if (!isError(error, 'ENOENT')) throw error;
  }
  create(path);
  return readFileSync(path, 'utf8').trim();
}

/** Atomic, and flushed to the disk: a truncated key would lock out every device. */
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
