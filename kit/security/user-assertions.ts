import { SignJWT, errors, jwtVerify } from 'jose';
import { z } from 'zod';
import { type Caller, USER_ROLES } from '../core/caller';
import type { Clock } from '../core/clock';
import { Code, MicroserviceError } from '../core/errors';
import { type TtlCache, setFor, ttlCache } from '../core/ttl-cache';
import { Id } from '../core/validation';
import type { PublicKeyRing } from './public-key-ring';
import { ALGORITHM, type SigningKey } from './service-keys';

// A user's rights travel as proof: the edge, which has authenticated the user, signs who it is. Services
// forward the assertion with which they were called and can make none, so no service acts as a user who
// has not made a request in the last minute.

/** The app id of the edge: the only service whose key signs assertions. */
export const EDGE = 'gateway';
/** Every service verifies the same assertion. */
const AUDIENCE = 'services';
/** Tells an assertion from every other token that is signed with the same key. */
const TYPE = 'user-assertion+jwt';

const ASSERTION_MS = 60_000;
/** The difference that is allowed between the clocks of two machines. */
const SKEW_SECONDS = 10;
/** An assertion is reused this long: the 35 s that are left are longer than a request (REQUEST_BUDGET_MS). */
const REUSE_MS = 25_000;
const MAX_CACHED = 5_000;

/** The reason of a call that is refused because of its assertion. */
export const USER_ASSERTION_REFUSED = 'user_assertion';

const Claims = z.object({
  sub: Id,
  tenant: Id,
  role: z.enum(USER_ROLES),
  /** The user on whose behalf an API key acts. */
  owner: Id.optional(),
  exp: z.number(),
});

/** Signs assertions. Replicas of the edge share its key. */
export class UserAssertionSigner {
  /** By user. */
  readonly #assertions: TtlCache<Promise<string>>;

  constructor(
    /** Of the edge. */
    private readonly signingKey: SigningKey,
    private readonly clock: Clock,
  ) {
    this.#assertions = ttlCache(MAX_CACHED, clock);
  }

  /** The assertion of a user whom the edge has authenticated. */
  assertionOf({ userId, role, tenantId, ownerId = '' }: Caller): Promise<string> {
    const key = JSON.stringify([tenantId, role, userId, ownerId]);
    const cached = this.#assertions.get(key);
    if (cached !== undefined) return cached;
    const seconds = Math.floor(this.clock.now() / 1000);
    const assertion = new SignJWT({
      role,
      tenant: tenantId,
      ...(ownerId === '' ? {} : { owner: ownerId }),
    })
      .setProtectedHeader({ alg: ALGORITHM, kid: this.signingKey.kid, typ: TYPE })
      .setIssuer(EDGE)
      .setSubject(userId)
      .setAudience(AUDIENCE)
      .setIssuedAt(seconds)
      .setExpirationTime(seconds + ASSERTION_MS / 1000)
      .sign(this.signingKey.key);
    setFor(this.#assertions, key, assertion, REUSE_MS);
    return assertion;
  }
}

/** Verifies assertions. Each is verified once by a process, and its expiry at every use. */
export class UserAssertionVerifier {
  /** The users of valid assertions, by assertion. */
  readonly #verified: TtlCache<Caller>;

  constructor(
    private readonly keys: PublicKeyRing,
    private readonly clock: Clock,
  ) {
    this.#verified = ttlCache(MAX_CACHED, clock);
  }

  /**
   * The user of an assertion. Throws UNAUTHENTICATED, or UNAVAILABLE if the keys cannot be read at the
   * moment.
   */
  async verify(assertion: string): Promise<Caller> {
    const known = this.#verified.get(assertion);
    if (known !== undefined) return known;
    const now = this.clock.now();
    try {
      const { payload } = await jwtVerify(assertion, ({ kid = '' }) => this.#keyOfEdge(kid), {
        algorithms: [ALGORITHM],
        typ: TYPE,
        issuer: EDGE,
        audience: AUDIENCE,
        requiredClaims: ['sub', 'iat', 'exp'],
        // also ends assertions that were signed with a later expiry
        maxTokenAge: ASSERTION_MS / 1000,
        clockTolerance: SKEW_SECONDS,
        currentDate: new Date(now),
      });
      const claims = Claims.safeParse(payload);
      if (!claims.success) throw refused('the assertion of the user is invalid');
      const { sub: userId, role, tenant: tenantId, owner: ownerId, exp } = claims.data;
      const owner = ownerId === undefined ? {} : { ownerId };
      const caller = { userId, role, tenantId, ...owner };
      setFor(this.#verified, assertion, caller, Math.min(exp * 1000 - now, ASSERTION_MS));
      return caller;
    } catch (error) {
      if (error instanceof errors.JWTExpired) {
        throw refused('the assertion of the user has expired');
      }
      if (error instanceof errors.JOSEError) throw refused('the assertion of the user is invalid');
      throw error;
    }
  }

  async #keyOfEdge(kid: string) {
    const found = await this.keys.find(kid);
    if (found?.service === EDGE) return found.key;
    throw refused('the assertion of the user is not signed by the edge');
  }
}

function refused(message: string): MicroserviceError {
  return new MicroserviceError(message, Code.UNAUTHENTICATED, { reason: USER_ASSERTION_REFUSED });
}
