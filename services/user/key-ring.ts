import { z } from 'zod';

/** How long a token is good for. */
export const TOKEN_MS = 3_600_000;
/** After so long another key follows. */
export const ROTATE_MS = 30 * 24 * 3_600_000;
/** A key is published so long before it signs: longer than anybody keeps the keys they fetched. */
export const LEAD_MS = 10 * 60_000;
/** How far the clocks of those who sign and those who check may be apart. */
const SKEW_MS = 5 * 60_000;

const Time = z.iso.datetime();

export const SigningKey = z.object({
  kid: z.string(),
  /** The private key: `d` is the secret, and leaves this document with nothing. */
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

/** The keys in use, oldest first. Each signs from its time on until the next one's. */
export const KeyRing = z.object({ keys: z.array(SigningKey).min(1) });
export type KeyRing = z.infer<typeof KeyRing>;

export type NewKey = Pick<SigningKey, 'kid' | 'jwk'>;

/** Whether it is time for another key. */
export function isDue(ring: KeyRing | undefined, now: number): boolean {
  const newest = ring?.keys.at(-1);
  return newest === undefined || now - Date.parse(newest.createdAt) >= ROTATE_MS;
}

/** The ring with another key where one is due, without those that no living token is signed with. */
export function renewed(ring: KeyRing | undefined, key: NewKey, now: number): KeyRing {
  if (ring !== undefined && !isDue(ring, now)) return ring;
  const createdAt = new Date(now).toISOString();
  // the first has no one before it who could sign meanwhile
  if (ring === undefined) return { keys: [{ ...key, createdAt, signsFrom: createdAt }] };
  const signsFrom = new Date(now + LEAD_MS).toISOString();
  return { keys: [...honoured(ring, now), { ...key, createdAt, signsFrom }] };
}

/** The keys that tokens may be signed with: those that sign, will sign, or signed a living token. */
export function honoured({ keys }: KeyRing, now: number): SigningKey[] {
  return keys.filter((_, index) => {
    const next = keys[index + 1];
    return next === undefined || now < Date.parse(next.signsFrom) + TOKEN_MS + SKEW_MS;
  });
}

/** The key to sign with now. */
export function signingKey({ keys }: KeyRing, now: number): SigningKey {
  const signing = keys.findLast(({ signsFrom }) => Date.parse(signsFrom) <= now) ?? keys[0];
  if (signing === undefined) throw new Error('a key ring is never empty');
  return signing;
}
