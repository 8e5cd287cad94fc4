import { SignJWT, errors, jwtVerify } from 'jose';
import type { Clock } from '../core/clock';
import { Code, MicroserviceError } from '../core/errors';
import type { Log } from '../core/log';
import { type TtlCache, setFor, ttlCache } from '../core/ttl-cache';
import {
  ALGORITHM,
  type SigningKey,
  type PublicKey,
  loadSigningKey,
  loadPublicKeys,
} from './service-keys';

/** How long a token is good for. */
const TOKEN_MS = 5 * 60_000;
/** It is used as long as it is good for a while yet: for the budget of a request, and its retries. */
const USED_MS = 4 * 60_000;
const SKEW_SECONDS = 30;
/** To verify a token anew now and then is how a withdrawn key is noticed. */
const CACHE_MS = 60_000;
const MAX_CACHED = 1_000;
/** So often keys are read again, so that one that was withdrawn is forgotten. */
const READ_AGAIN_MS = 60_000;
/** No sooner than this, whatever is shown: anybody can make up a key that is not known. */
const REST_MS = 1_000;

/** Why a call was turned away before anybody looked at it. */
export const SERVICE_TOKEN_REFUSED = 'service_token';

type Keys = ReadonlyMap<string, PublicKey>;

/** By what a service shows which one it is, where no certificate of its sidecar does. */
export class ServiceTokens {
  /** Ours, by whom they are for. */
  readonly #own: TtlCache<Promise<string>>;
  /** Which services the tokens are of that were found good. */
  readonly #verifiedCallers: TtlCache<string>;
  #keys: Keys = new Map();
  #readAt = -Infinity;
  #triedAt = -Infinity;
  #failed = false;
  #reading: Promise<void> | undefined;

  constructor(
    private readonly service: string,
    private readonly own: SigningKey,
    /** Everybody's public keys. While it fails, those that are known are believed. */
    private readonly read: () => Promise<Keys>,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {
    this.#own = ttlCache(MAX_CACHED, clock);
    this.#verifiedCallers = ttlCache(MAX_CACHED, clock);
  }

  /** Of a service whose keys are in a folder: see service-keys.ts. */
  static async open(
    service: string,
    folder: string,
    clock: Clock,
    log: Log,
  ): Promise<ServiceTokens> {
    const own = await loadSigningKey(folder, service);
    return new ServiceTokens(service, own, () => loadPublicKeys(folder, log), clock, log);
  }

  /** A token for calls of one service. */
  tokenFor(audience: string): Promise<string> {
    const now = this.clock.now();
    const known = this.#own.get(audience);
    if (known !== undefined) return known;
    const token = this.#sign(audience, now);
    setFor(this.#own, audience, token, USED_MS);
    return token;
  }

  /**
   * Finds out which service calls this one by the token that it shows. `sidecarSays` is which one
   * its sidecar says that it is, where it does. Throws UNAUTHENTICATED; UNAVAILABLE where it cannot
   * be found out now.
   */
  async verifyCaller(token: string | undefined, sidecarSays: string | undefined): Promise<string> {
    if (token === undefined)
      throw refused('a call must show the token of the service that makes it');
    const now = this.clock.now();
    let caller = this.#verifiedCallers.get(token);
    if (caller === undefined) {
      const verified = await this.#verified(token, now);
      caller = verified.caller;
      setFor(this.#verifiedCallers, token, caller, Math.min(verified.expires - now, CACHE_MS));
    }
    if (sidecarSays !== undefined && sidecarSays !== caller) {
      throw refused('the token is of another service than the one that calls');
    }
    return caller;
  }

  async #sign(audience: string, now: number): Promise<string> {
    const seconds = Math.floor(now / 1000);
    return new SignJWT()
      .setProtectedHeader({ alg: ALGORITHM, kid: this.own.kid, typ: 'JWT' })
      .setIssuer(this.service)
      .setSubject(this.service)
      .setAudience(audience)
      .setIssuedAt(seconds)
      .setExpirationTime(seconds + TOKEN_MS / 1000)
      .sign(this.own.key);
  }

  async #verified(token: string, now: number): Promise<{ caller: string; expires: number }> {
    let signer = '';
    const keyOf = async ({ kid = '' }: { kid?: string }) => {
      const known = await this.#keyOf(kid, now);
      if (known === undefined) throw refused('the token is of a service that is not known');
      signer = known.service;
      return known.key;
    };
    try {
      const { payload } = await jwtVerify(token, keyOf, {
        algorithms: [ALGORITHM],
        audience: this.service,
        requiredClaims: ['iss', 'sub', 'aud', 'iat', 'exp'],
        // one that was made to last is none of ours
        maxTokenAge: TOKEN_MS / 1000,
        clockTolerance: SKEW_SECONDS,
        currentDate: new Date(now),
      });
      if (payload.sub !== signer || payload.iss !== signer) {
        throw refused('the token is of another service than the one that signed it');
      }
      // required above
      return { caller: signer, expires: (payload.exp ?? 0) * 1000 };
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw refused('the token has expired');
      if (error instanceof errors.JWTClaimValidationFailed && error.claim === 'aud') {
        throw refused('the token is for calls of another service');
      }
      if (error instanceof errors.JOSEError) throw refused('the token is not valid');
      throw error;
    }
  }

  async #keyOf(kid: string, now: number): Promise<PublicKey | undefined> {
    if (this.#keys.has(kid)) {
      if (now >= Math.max(this.#readAt + READ_AGAIN_MS, this.#triedAt + REST_MS)) {
        await this.#readAgain();
      }
      return this.#keys.get(kid);
    }
    // one that is under way may have looked before the key was there
    await this.#reading;
    if (!this.#keys.has(kid)) await this.#readAgain();
    const known = this.#keys.get(kid);
    if (known === undefined && this.#failed) {
      throw new MicroserviceError('the keys of the services cannot be read', Code.UNAVAILABLE);
    }
    return known;
  }

  /** Those who come meanwhile wait for the same reading. */
  async #readAgain(): Promise<void> {
    this.#reading ??= this.#readAfterRest().finally(() => {
      this.#reading = undefined;
    });
    await this.#reading;
  }

  async #readAfterRest(): Promise<void> {
    const rest = this.#triedAt + REST_MS - this.clock.now();
    if (rest > 0) await this.clock.sleep(rest);
    this.#triedAt = this.clock.now();
    try {
      this.#keys = await this.read();
      this.#readAt = this.#triedAt;
      this.#failed = false;
    } catch (error) {
      this.#failed = true;
      this.log.warn({ failure: String(error) }, 'the keys of the services cannot be read');
    }
  }
}

function refused(message: string): MicroserviceError {
  return new MicroserviceError(message, Code.UNAUTHENTICATED, { reason: SERVICE_TOKEN_REFUSED });
}
