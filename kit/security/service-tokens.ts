import { SignJWT, errors, jwtVerify } from 'jose';
import type { Clock } from '../core/clock';
import { Code, MicroserviceError } from '../core/errors';
import type { Log } from '../core/log';
import { type TtlCache, setFor, ttlCache } from '../core/ttl-cache';
import { PublicKeyRing } from './public-key-ring';
import { ALGORITHM, type SigningKey, loadSigningKey } from './service-keys';

/** The lifetime of a token. */
const TOKEN_MS = 5 * 60_000;
/** How long a token is reused. The minute that is left is longer than a request and its retries. */
const REUSE_MS = 4 * 60_000;
const SKEW_SECONDS = 30;
/** A verified token is verified again after this, so that a withdrawn key is noticed. */
const CACHE_MS = 60_000;
const MAX_CACHED = 1_000;

/** The reason of a call that is refused because of its service token. */
export const SERVICE_TOKEN_REFUSED = 'service_token';

/** Signed tokens that identify the calling service where sidecars have no certificates. */
export class ServiceTokens {
  /** The tokens of this service, by audience. */
  readonly #tokens: TtlCache<Promise<string>>;
  /** The services whose tokens were verified, by token. */
  readonly #verifiedCallers: TtlCache<string>;

  constructor(
    private readonly service: string,
    private readonly signingKey: SigningKey,
    private readonly keys: PublicKeyRing,
    private readonly clock: Clock,
  ) {
    this.#tokens = ttlCache(MAX_CACHED, clock);
    this.#verifiedCallers = ttlCache(MAX_CACHED, clock);
  }

  /**
   * The tokens of a service whose keys are in a folder: see service-keys.ts. Throws as
   * loadSigningKey does.
   */
  static async open(
    service: string,
    folder: string,
    clock: Clock,
    log: Log,
  ): Promise<ServiceTokens> {
    const signingKey = await loadSigningKey(folder, service);
    return new ServiceTokens(service, signingKey, PublicKeyRing.of(folder, clock, log), clock);
  }

  /** A token for calls to one service. */
  tokenFor(audience: string): Promise<string> {
    const now = this.clock.now();
    const cached = this.#tokens.get(audience);
    if (cached !== undefined) return cached;
    const token = this.#sign(audience, now);
    setFor(this.#tokens, audience, token, REUSE_MS);
    return token;
  }

  /**
   * The app id of the calling service, from its token. `sidecarCaller` is the caller according to the
   * sidecar, if it names one; both must agree. Throws UNAUTHENTICATED, or UNAVAILABLE if the keys cannot
   * be read at the moment.
   */
  async verifyCaller(
    token: string | undefined,
    sidecarCaller: string | undefined,
  ): Promise<string> {
    if (token === undefined) throw tokenRefused('a call must present a service token');
    const now = this.clock.now();
    let caller = this.#verifiedCallers.get(token);
    if (caller === undefined) {
      const verified = await this.#verify(token, now);
      caller = verified.caller;
      setFor(this.#verifiedCallers, token, caller, Math.min(verified.expires - now, CACHE_MS));
    }
    if (sidecarCaller !== undefined && sidecarCaller !== caller) {
      throw tokenRefused('the token belongs to another service than the caller');
    }
    return caller;
  }

  async #sign(audience: string, now: number): Promise<string> {
    const seconds = Math.floor(now / 1000);
    return new SignJWT()
      .setProtectedHeader({ alg: ALGORITHM, kid: this.signingKey.kid, typ: 'JWT' })
      .setIssuer(this.service)
      .setSubject(this.service)
      .setAudience(audience)
      .setIssuedAt(seconds)
      .setExpirationTime(seconds + TOKEN_MS / 1000)
      .sign(this.signingKey.key);
  }

  async #verify(token: string, now: number): Promise<{ caller: string; expires: number }> {
    let signer = '';
    const keyOf = async ({ kid = '' }: { kid?: string }) => {
      const publicKey = await this.keys.find(kid);
      if (publicKey === undefined) throw tokenRefused('the token is signed with an unknown key');
      signer = publicKey.service;
      return publicKey.key;
    };
    try {
      const { payload } = await jwtVerify(token, keyOf, {
        algorithms: [ALGORITHM],
        audience: this.service,
        requiredClaims: ['iss', 'sub', 'aud', 'iat', 'exp'],
        // also ends tokens that were signed with a later expiry
        maxTokenAge: TOKEN_MS / 1000,
        clockTolerance: SKEW_SECONDS,
        currentDate: new Date(now),
      });
      if (payload.sub !== signer || payload.iss !== signer) {
        throw tokenRefused('the token names another service than the one that signed it');
      }
      // exp is a required claim
      return { caller: signer, expires: (payload.exp ?? 0) * 1000 };
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw tokenRefused('the token has expired');
      if (error instanceof errors.JWTClaimValidationFailed && error.claim === 'aud') {
        throw tokenRefused('the token is for calls to another service');
      }
      if (error instanceof errors.JOSEError) throw tokenRefused('the token is invalid');
      throw error;
    }
  }
}

function tokenRefused(message: string): MicroserviceError {
  return new MicroserviceError(message, Code.UNAUTHENTICATED, { reason: SERVICE_TOKEN_REFUSED });
}
