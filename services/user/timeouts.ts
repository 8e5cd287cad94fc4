import { TOKEN_MAX_AGE_SECONDS } from '#retail/session-token';

// Times that depend on each other. The gateway has its own share: see docs/architecture.md.

/** Lifetime of an access token. */
export const ACCESS_TOKEN_MS = TOKEN_MAX_AGE_SECONDS * 1000;
/** A session ends when its refresh token was not used for this long. */
export const SESSION_MS = 30 * 24 * 3_600_000;
/** A session ends this long after its sign-in, however often its refresh token was used. */
export const SESSION_MAX_MS = 90 * 24 * 3_600_000;
/** Validity of the token in an e-mail that resets a password, and of one that verifies the address. */
export const RESET_TOKEN_MS = 30 * 60_000;
export const VERIFICATION_TOKEN_MS = 24 * 3_600_000;
/** Age of the newest signing key at which the next one is made. */
export const KEY_ROTATION_MS = 30 * 24 * 3_600_000;
/**
 * A new key is published this long before it signs. Longer than any verifier caches the published
 * keys (gateway: RENEW_MS, 5 min).
 */
export const KEY_LEAD_MS = 10 * 60_000;
/** Clock difference allowed between signers and verifiers: an old key is published this much longer. */
export const CLOCK_SKEW_MS = 5 * 60_000;
