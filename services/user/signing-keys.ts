import { z } from 'zod';
import { isoTimeAt } from '#kit/core/clock';
import { ACCESS_TOKEN_MS, CLOCK_SKEW_MS, KEY_LEAD_MS, KEY_ROTATION_MS } from './timeouts';

const Time = z.iso.datetime();

export const SigningKey = z.object({
  kid: z.string(),
  /** The private key. Its secret is `d`, which never leaves this document. */
  jwk: z.object({
    kty: z.literal('EC'),
    crv: z.literal('P-256'),
    x: z.string(),
    y: z.string(),
    d: z.string(),
  }),
  createdAt: Time,
  signsFrom: Time,
});
export type SigningKey = z.infer<typeof SigningKey>;

/** The keys in use, oldest first. Each key signs from its `signsFrom` until that of the next one. */
export const SigningKeySet = z.object({ keys: z.array(SigningKey).min(1) });
export type SigningKeySet = z.infer<typeof SigningKeySet>;

export type NewKey = Pick<SigningKey, 'kid' | 'jwk'>;

/** Whether a new key has to be made. `now` is in milliseconds since the epoch, here and below. */
export function isRotationDue(keySet: SigningKeySet | undefined, now: number): boolean {
  const newest = keySet?.keys.at(-1);
  return newest === undefined || now - Date.parse(newest.createdAt) >= KEY_ROTATION_MS;
}

/**
 * Adds the key if a rotation is due, and removes the keys that signed only expired tokens. Otherwise
 * returns the same key set.
 */
export function rotated(
  keySet: SigningKeySet | undefined,
  key: NewKey,
  now: number,
): SigningKeySet {
  if (keySet !== undefined && !isRotationDue(keySet, now)) return keySet;
  const createdAt = isoTimeAt(now);
  // the first key signs immediately, because there is no earlier one that could
  if (keySet === undefined) return { keys: [{ ...key, createdAt, signsFrom: createdAt }] };
  const signsFrom = isoTimeAt(now + KEY_LEAD_MS);
  return { keys: [...verificationKeys(keySet, now), { ...key, createdAt, signsFrom }] };
}

/** The keys to verify tokens with: those that sign now, will sign, or signed an unexpired token. */
export function verificationKeys({ keys }: SigningKeySet, now: number): SigningKey[] {
  return keys.filter((_, index) => {
    const next = keys[index + 1];
    return next === undefined || now < Date.parse(next.signsFrom) + ACCESS_TOKEN_MS + CLOCK_SKEW_MS;
  });
}

/** The key that signs now. */
export function currentSigningKey({ keys }: SigningKeySet, now: number): SigningKey {
  const signing = keys.findLast(({ signsFrom }) => Date.parse(signsFrom) <= now) ?? keys[0];
  if (signing === undefined) throw new Error('a signing key set is never empty');
  return signing;
}
