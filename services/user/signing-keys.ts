import { z } from 'zod';
import { isoTimeAt } from '#kit/core/clock';
import { ACCESS_TOKEN_MS, CLOCK_SKEW_MS, KEY_LEAD_MS, KEY_ROTATION_MS } from './timeouts';

const Time = z.iso.datetime();

export const SigningKey = z.object({
  kid: z.string(),
  jwk: z.object({
    kty: z.literal('EC'),
    crv: z.literal('P-256'),
    x: z.string(),
    y: z.string(),
    /** The private part of a key that was stored before private parts were sealed: see `withSealedKeys`. */
    d: z.string().optional(),
  }),
  /** The private part, encrypted with a key from outside of the state store. */
  sealed: z
    .object({
      /** The name of the master key. */
      by: z.string(),
      d: z.string(),
    })
    .optional(),
  /** Whether the private part was stored unencrypted once: then the key is replaced immediately. */
  exposed: z.boolean().optional(),
  createdAt: Time,
  signsFrom: Time,
});
export type SigningKey = z.infer<typeof SigningKey>;

/** The keys in use, oldest first. Each key signs from its `signsFrom` until that of the next one. */
export const SigningKeySet = z.object({ keys: z.array(SigningKey).min(1) });
export type SigningKeySet = z.infer<typeof SigningKeySet>;

export type Sealed = NonNullable<SigningKey['sealed']>;
export type NewKey = Pick<SigningKey, 'kid' | 'jwk'> & { readonly sealed: Sealed };

/**
 * Whether a new key has to be made, by a process with the master key `by`. It can use only keys that
 * were sealed with that. `now` is in milliseconds since the epoch, here and below.
 */
export function isRotationDue(keySet: SigningKeySet | undefined, by: string, now: number): boolean {
  const newest = keySet && usableKeys(keySet, by).at(-1);
  if (newest === undefined || newest.exposed === true) return true;
  return now - Date.parse(newest.createdAt) >= KEY_ROTATION_MS;
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
  const { by } = key.sealed;
  if (keySet !== undefined && !isRotationDue(keySet, by, now)) return keySet;
  const createdAt = isoTimeAt(now);
  // the first key signs immediately, because there is no earlier one that could
  const isFirst = keySet === undefined || usableKeys(keySet, by).length === 0;
  const signsFrom = isFirst ? createdAt : isoTimeAt(now + KEY_LEAD_MS);
  const earlier = keySet === undefined ? [] : verificationKeys(keySet, now);
  return { keys: [...earlier, { ...key, createdAt, signsFrom }] };
}

/**
 * Seals the private parts that are stored unencrypted. Such a key signs until its successor does, and
 * its successor is due immediately: a copy of the store may still contain it.
 */
export function withSealedKeys(
  keySet: SigningKeySet,
  seal: (kid: string, d: string) => Sealed,
): SigningKeySet {
  if (!hasUnsealedKey(keySet)) return keySet;
  return {
    keys: keySet.keys.map((key) => {
      const { d, ...jwk } = key.jwk;
      return d === undefined ? key : { ...key, jwk, sealed: seal(key.kid, d), exposed: true };
    }),
  };
}

export function hasUnsealedKey({ keys }: SigningKeySet): boolean {
  return keys.some(({ jwk }) => jwk.d !== undefined);
}

/** The keys to verify tokens with: those that sign now, will sign, or signed an unexpired token. */
export function verificationKeys({ keys }: SigningKeySet, now: number): SigningKey[] {
  return keys.filter((_, index) => {
    const next = keys[index + 1];
    return next === undefined || now < Date.parse(next.signsFrom) + ACCESS_TOKEN_MS + CLOCK_SKEW_MS;
  });
}

/** The key that signs now, in a process with the master key `by`. */
export function currentSigningKey(
  keySet: SigningKeySet,
  by: string,
  now: number,
): SigningKey & { readonly sealed: Sealed } {
  const usable = usableKeys(keySet, by);
  const signing = usable.findLast(({ signsFrom }) => Date.parse(signsFrom) <= now) ?? usable[0];
  if (signing === undefined) throw new Error('a signing key set is never empty');
  return signing;
}

function usableKeys({ keys }: SigningKeySet, by: string) {
  return keys.flatMap((key) => {
    const { sealed } = key;
    return sealed?.by === by ? [{ ...key, sealed }] : [];
  });
}
