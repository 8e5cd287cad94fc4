import { hash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { errors, jwtVerify } from 'jose';
import { z } from 'zod';
import { type Caller, anonymous } from '#kit/core/caller';
import { MicroserviceError } from '#kit/core/errors';
import { type TtlCache, hasEntry, setFor, ttlCache } from '#kit/core/ttl-cache';
import { Id } from '#kit/core/validation';
import type { ServiceRuntime } from '#kit/runtime/service-runtime';
import { TOKEN_AUDIENCE, TOKEN_ISSUER, TOKEN_MAX_AGE_SECONDS } from '#retail/session-token';
import type { Access } from './access';
import { ApiKeys } from './api-keys';
import { ALGORITHM, Jwks } from './jwks';
import { type BeforeVerification, type Principal, unauthenticated } from './principal';
import type { RevokedSessions } from './revoked-sessions';

const SKEW_SECONDS = 30;
/** A token is verified again after this, which detects that its signing key was withdrawn. */
const CACHE_MS = 60_000;
const MAX_CACHED = 5_000;
const BEARER = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i;
/** Characters of a token; ours have about 500. */
const MAX_TOKEN = 4_096;

/** The claims of a session token. `service` is not a role that signs in. */
const Claims = z.object({
  sub: Id,
  tenant: Id,
  role: z.enum(['customer', 'seller', 'admin']),
  sid: Id,
  exp: z.number(),
  iat: z.number(),
});

interface Session {
  readonly caller: Caller;
  readonly sessionId: string;
}

const ANONYMOUS: Principal = { caller: anonymous() };

/** Authenticates requests by session token or API key. */
export class Authenticator {
  readonly #jwks: Jwks;
  /** Sessions by the hash of their token, of tokens that were verified. */
  readonly #sessions: TtlCache<Session>;
  readonly #apiKeys: ApiKeys;

  constructor(
    private readonly runtime: ServiceRuntime,
    private readonly revoked: RevokedSessions,
  ) {
    this.#sessions = ttlCache(MAX_CACHED, runtime.clock);
    this.#apiKeys = new ApiKeys(runtime);
    this.#jwks = new Jwks(runtime);
  }

  /**
   * The principal of a request. Throws UNAUTHENTICATED if the credentials are not valid, or are missing
   * where the route needs them, and the errors of `beforeVerification`.
   */
  authenticate(
    access: Access,
    headers: IncomingHttpHeaders,
    beforeVerification: BeforeVerification,
  ): Principal | Promise<Principal> {
    if (access === 'anonymous') return ANONYMOUS;
    const { authorization, 'x-api-key': apiKey } = headers;
    if (authorization !== undefined && apiKey !== undefined) {
      throw unauthenticated('send either an Authorization or an X-API-Key header, not both');
    }
    if (apiKey !== undefined) return this.#apiKeys.principalOf(String(apiKey), beforeVerification);
    if (authorization !== undefined) return this.#session(authorization, beforeVerification);
    if (access === 'optional') return ANONYMOUS;
    throw unauthenticated('sign in or send an API key');
  }

  async #session(authorization: string, beforeVerification: BeforeVerification): Promise<Session> {
    const now = this.runtime.clock.now();
    const token = BEARER.exec(authorization)?.[1];
    if (token === undefined || token.length > MAX_TOKEN) {
      throw unauthenticated('the Authorization header must contain a bearer token');
    }
    // of one length, and one for each spelling of the header
    const name = hash('sha256', token, 'base64url');
    let session = this.#sessions.get(name);
    if (session === undefined) {
      // a token that was valid a minute ago is exempt, so that a flood from its address cannot block it
      if (!hasEntry(this.#sessions, name)) await beforeVerification();
      this.#sessions.delete(name);
      const { expires, ...verified } = await this.#verify(token, now);
      session = verified;
      setFor(this.#sessions, name, session, Math.min(expires - now, CACHE_MS));
    }
    if (await this.revoked.isRevoked(session.sessionId)) {
      throw unauthenticated('the session has ended');
    }
    return session;
  }

  async #verify(token: string, now: number): Promise<Session & { readonly expires: number }> {
    try {
      const { payload } = await jwtVerify(token, ({ kid }) => this.#keyOf(kid), {
        algorithms: [ALGORITHM],
        issuer: TOKEN_ISSUER,
        audience: TOKEN_AUDIENCE,
        // jose accepts a token without exp unless it is required
        requiredClaims: ['sub', 'exp', 'iat', 'nbf', 'iss', 'aud'],
        clockTolerance: SKEW_SECONDS,
        maxTokenAge: TOKEN_MAX_AGE_SECONDS,
        currentDate: new Date(now),
      });
      const claims = Claims.safeParse(payload);
      if (!claims.success) throw unauthenticated('the token is not valid');
      const { sub: userId, role, tenant: tenantId, sid: sessionId } = claims.data;
      const expires = Math.min(claims.data.exp, claims.data.iat + TOKEN_MAX_AGE_SECONDS) * 1000;
      return { caller: { userId, role, tenantId }, sessionId, expires };
    } catch (error) {
      if (error instanceof MicroserviceError) throw error;
      if (error instanceof errors.JWTExpired) throw unauthenticated('the token has expired');
      if (error instanceof errors.JOSEError) throw unauthenticated('the token is not valid');
      throw error;
    }
  }

  async #keyOf(kid: unknown) {
    // our key ids are ids; a path, a query or a URL must not trigger a fetch
    const id = Id.safeParse(kid);
    const key = id.success ? await this.#jwks.find(id.data) : undefined;
    if (key === undefined) throw unauthenticated('the token is not valid');
    return key;
  }
}
