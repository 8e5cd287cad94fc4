import type { IncomingHttpHeaders } from 'node:http';
import { errors, jwtVerify } from 'jose';
import { z } from 'zod';
import { type Caller, anonymous } from '#kit/core/caller';
import { Code, MicroserviceError } from '#kit/core/errors';
import type { ServiceRuntime } from '#kit/runtime/service-runtime';
import { TOKEN_AUDIENCE, TOKEN_ISSUER } from '#retail/session-token';
import { Id } from '#kit/core/validation';
import type { RevokedSessions } from './revoked-sessions';
import { ALGORITHM, Jwks } from './jwks';
import { type TtlCache, hasEntry, setFor, ttlCache } from '#kit/core/ttl-cache';
import { ApiKeys, type Bearer, type MayTry, unauthenticated } from './api-keys';
import type { Route, Who } from '../routes/types';

const SKEW_SECONDS = 30;
/** To verify a token anew now and then is how a withdrawn key is noticed. */
const CACHE_MS = 60_000;
const MAX_CACHED = 5_000;

/** What a token says of its bearer. `service` is no role that can sign in. */
const Claims = z.object({
  sub: Id,
  tenant: Id,
  role: z.enum(['customer', 'seller', 'admin']),
  sid: Id,
  exp: z.number(),
});

interface SignedIn {
  readonly caller: Caller;
  readonly sessionId: string;
}

const NOBODY: Bearer = { caller: anonymous() };

/** Who asks: verifies the tokens of requests. */
export class Authenticator {
  readonly #keys: Jwks;
  /** Who is signed in by an Authorization header that was found good. */
  readonly #signedIn: TtlCache<SignedIn>;

  readonly #apiKeys: ApiKeys;

  constructor(
    private readonly runtime: ServiceRuntime,
    private readonly ended: RevokedSessions,
  ) {
    this.#signedIn = ttlCache(MAX_CACHED, runtime.clock);
    this.#apiKeys = new ApiKeys(runtime);
    this.#keys = new Jwks(runtime);
  }

  /**
   * Who asks. What was not seen to be good before is verified once `mayTry` lets it: whether what is
   * shown is made up is not known sooner. Throws UNAUTHENTICATED where the route needs to know, or
   * what is shown is not good, and what `mayTry` throws.
   */
  bearerOf(who: Who, headers: IncomingHttpHeaders, mayTry: MayTry): Bearer | Promise<Bearer> {
    if (who === 'anonymous') return NOBODY;
    const { authorization, 'x-api-key': apiKey } = headers;
    if (authorization !== undefined && apiKey !== undefined) {
      throw unauthenticated('show a token or an API key, and not both');
    }
    if (apiKey !== undefined) return this.#apiKeys.bearerOf(String(apiKey), mayTry);
    if (authorization !== undefined) return this.#bearer(authorization, mayTry);
    if (who === 'anyone') return NOBODY;
    throw unauthenticated('sign in first');
  }

  async #bearer(authorization: string, mayTry: MayTry): Promise<Bearer> {
    const now = this.runtime.clock.now();
    let signedIn = this.#signedIn.get(authorization);
    if (signedIn === undefined) {
      const token = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(authorization)?.[1];
      if (token === undefined) throw unauthenticated('the authorization must be a bearer token');
      // whose was good a minute ago shall not wait for those who make some up beside them
      if (!hasEntry(this.#signedIn, authorization)) await mayTry();
      this.#signedIn.delete(authorization);
      const { expires, ...verified } = await this.#verified(token, now);
      signedIn = verified;
      setFor(this.#signedIn, authorization, signedIn, Math.min(expires - now, CACHE_MS));
    }
    if (await this.ended.has(signedIn.sessionId)) throw unauthenticated('the session has ended');
    return signedIn;
  }

  async #verified(token: string, now: number): Promise<SignedIn & { readonly expires: number }> {
    try {
      const { payload } = await jwtVerify(token, ({ kid }) => this.#keyOf(kid), {
        algorithms: [ALGORITHM],
        issuer: TOKEN_ISSUER,
        audience: TOKEN_AUDIENCE,
        // without this a token that never ends would do
        requiredClaims: ['sub', 'exp', 'iat', 'nbf', 'iss', 'aud'],
        clockTolerance: SKEW_SECONDS,
        currentDate: new Date(now),
      });
      const claims = Claims.safeParse(payload);
      if (!claims.success) throw unauthenticated('the token is not valid');
      const { sub: userId, role, tenant: tenantId, sid: sessionId, exp } = claims.data;
      return { caller: { userId, role, tenantId }, sessionId, expires: exp * 1000 };
    } catch (error) {
      if (error instanceof MicroserviceError) throw error;
      if (error instanceof errors.JWTExpired) throw unauthenticated('the token has expired');
      if (error instanceof errors.JOSEError) throw unauthenticated('the token is not valid');
      throw error;
    }
  }

  async #keyOf(kid: unknown) {
    // a name of another form is none of ours: a path, a query, a URL
    const name = Id.safeParse(kid);
    const key = name.success ? await this.#keys.find(name.data) : undefined;
    if (key === undefined) throw unauthenticated('the token is not valid');
    return key;
  }
}

/** Refuses a caller whose role may not, or whose API key is not for this. */
export function permit({ who, method, path }: Route, { caller, scopes }: Bearer): void {
  if (typeof who !== 'string' && !who.includes(caller.role)) {
    throw new MicroserviceError('your role may not do this', Code.PERMISSION_DENIED);
  }
  const [, what = ''] = path.split('/');
  const scope = `${what}:${method === 'GET' ? 'read' : 'write'}`;
  if (scopes === undefined || who === 'anonymous' || scopes.includes(scope)) return;
  throw new MicroserviceError(`the API key is not for ${scope}`, Code.PERMISSION_DENIED);
}
