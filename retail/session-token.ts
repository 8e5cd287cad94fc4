// The claims iss and aud (RFC 7519) of access tokens. The user service sets them and the gateway
// requires them.

export const TOKEN_ISSUER = 'omnichannel-user';
export const TOKEN_AUDIENCE = 'omnichannel';
