// The claims iss and aud (RFC 7519) of access tokens. The user service sets them and the gateway
// requires them.

export const TOKEN_ISSUER = 'omnichannel-user';
export const TOKEN_AUDIENCE = 'omnichannel';

/**
 * Lifetime of a token in seconds. Also the longest time that a role is still in use after it was taken
 * away. The edge refuses a token whose `iat` is longer ago, whatever its `exp`.
 */
export const TOKEN_MAX_AGE_SECONDS = 3_600;
