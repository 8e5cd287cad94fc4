import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';

// The credentials of all devices follow from one master key, which stands in a file and nowhere
// else: who gets hold of the documents has none of them.

const BYTES = 32;
const FORM = /^[\w-]{43}$/;

/**
 * A variable with the path of the file of the master key, which is read at the start, and made
 * where there is none. Replicas share it: with another one, no device is known any more.
 */
export const DeviceKeyFile = z.string().transform((path, context) => {
  try {
    const key = readOrMake(path);
    if (FORM.test(key)) return key;
    context.addIssue(`names a file that is no key: ${String(BYTES)} bytes in base64url`);
  } catch (error) {
    context.addIssue(`names a file that cannot be read or made: ${String(error)}`);
  }
  return z.NEVER;
});

/** The credential of a device: its password at the broker, and the key of its signatures. */
export function credentialOf(
  key: string,
  tenantId: string,
  deviceId: string,
  version: number,
): string {
  return derived(key, `${tenantId}/${deviceId}/${String(version)}`).toString('base64url');
}

/** 32 bytes for a purpose, always the same. */
export function derived(key: string, purpose: string): Buffer {
  return createHmac('sha256', key).update(purpose).digest();
}

function readOrMake(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if (!isError(error, 'ENOENT')) throw error;
  }
  make(path);
  return readFileSync(path, 'utf8').trim();
}

/** As a whole or not at all, and safe on the disk: half a key would end every device. */
function make(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const written = `${path}.${randomUUID()}`;
  try {
    const key = `${randomBytes(BYTES).toString('base64url')}\n`;
    writeFileSync(written, key, { mode: 0o600, flag: 'wx', flush: true });
    linkSync(written, path);
  } catch (error) {
    // another replica was quicker: its key stands
    if (!isError(error, 'EEXIST')) throw error;
  } finally {
    rmSync(written, { force: true });
  }
}

function isError(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}
