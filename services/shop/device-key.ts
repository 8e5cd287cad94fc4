import { createHmac } from 'node:crypto';

// The credentials of all devices are derived from one master key, which is in a file and nowhere else.
// With another key, every known credential is invalid.

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
