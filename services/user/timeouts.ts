// Times that depend on each other. The gateway has its own share: see docs/architecture.md.

/**
 * Lifetime of an access token. Also the longest time that a role is still in use after it was taken
 * away.
 */
export const ACCESS_TOKEN_MS = 3_600_000;
/** A session ends when its refresh token was not used for this long. */
export const SESSION_MS = 30 * 24 * 3_600_000;
/** Age of the newest signing key at which the next one is made. */
export const KEY_ROTATION_MS = 30 * 24 * 3_600_000;
/**
 * A new key is published this long before it signs. Longer than any verifier caches the published
 * keys (gateway: RENEW_MS, 5 min).
 */
export const KEY_LEAD_MS = 10 * 60_000;
/** Clock difference allowed between signers and verifiers: an old key is published this much longer. */
export const CLOCK_SKEW_MS = 5 * 60_000;
