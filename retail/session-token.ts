// What a token says of where it comes from and whom it is for (RFC 7519, iss and aud). The user
// service signs with them and the edge requires them.

export const TOKEN_ISSUER = 'omnichannel-user';
export const TOKEN_AUDIENCE = 'omnichannel';
