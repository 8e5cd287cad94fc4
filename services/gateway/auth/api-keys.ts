import { hash } from 'node:crypto';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { z } from 'zod';
import { asService } from '#kit/core/caller';
import { type CallContext, newCallContext } from '#kit/core/call-context';
import { Code, MicroserviceError } from '#kit/core/errors';
import { type TtlCache, hasEntry, setFor, ttlCache } from '#kit/core/ttl-cache';
import type { ServiceRuntime } from '#kit/runtime/service-runtime';
import { openContext } from '../definition';
import { type BeforeVerification, type Principal, unauthenticated } from './principal';

/** A key that was verified longer ago is verified again in the background, to detect that it was revoked. */
const REFRESH_MS = 2_000;
/** A key that was verified longer ago is verified again before the request goes on. */
const MAX_AGE_MS = 5_000;
/** While the user service fails, a key is valid for this long. */
const CACHE_MS = 60_000;
/** The longest that a request waits for a key that was verified before. */
const VERIFY_TIMEOUT_MS = 1_000;
const MAX_CACHED = 1_000;
const KEY = /^[\w-]{1,64}\.[\w-]{43}$/;
const Role = z.enum(['seller', 'admin']);

interface VerifiedKey {
  principal: Principal;
  checkedAt: number;
  /** While it is verified again. */
  refresh?: Promise<void> | undefined;
}

/** Verifies API keys with the user service, which stores their hashes. */
export class ApiKeys {
  readonly #verified: TtlCache<VerifiedKey>;

  constructor(private readonly runtime: ServiceRuntime) {
    this.#verified = ttlCache(MAX_CACHED, runtime.clock);
  }

  /**
   * The principal of a key, which is a caller with its own id and so its own rate limits. Throws
   * UNAUTHENTICATED, and the errors of `beforeVerification`.
   */
  async principalOf(key: string, beforeVerification: BeforeVerification): Promise<Principal> {
    if (!KEY.test(key)) throw unauthenticated('the API key is not valid');
    // the cache must not hold keys either
    const name = hash('sha256', key, 'base64url');
    const known = this.#verified.get(name);
    if (known !== undefined) return this.#current(name, key, known);
    // a key that was valid a minute ago is exempt, so that a flood from its address cannot block it
    if (!hasEntry(this.#verified, name)) await beforeVerification();
    this.#verified.delete(name);
    return this.#verify(name, key, newCallContext(this.runtime.clock, { caller: asService() }));
  }

  async #current(name: string, key: string, known: VerifiedKey): Promise<Principal> {
    const age = this.runtime.clock.now() - known.checkedAt;
    if (age < REFRESH_MS) return known.principal;
    // concurrent requests share it
    known.refresh ??= this.#refresh(name, key, known).finally(() => {
      known.refresh = undefined;
    });
    // in the background, a refusal has removed the key for the next request
    if (age < MAX_AGE_MS) known.refresh.catch(() => undefined);
    else await known.refresh;
    return known.principal;
  }

  /** Verifies a key again. Throws UNAUTHENTICATED if it was revoked. */
  async #refresh(name: string, key: string, known: VerifiedKey): Promise<void> {
    const { clock, log } = this.runtime;
    const deadline = clock.now() + VERIFY_TIMEOUT_MS;
    try {
      known.principal = await this.#verify(
        name,
        key,
        newCallContext(clock, { caller: asService(), deadline }),
      );
    } catch (error) {
      if (error instanceof MicroserviceError && error.code === Code.UNAUTHENTICATED) {
        this.#verified.delete(name);
        throw error;
      }
      log.warn({ err: error }, 'an API key could not be verified again');
    }
    known.checkedAt = clock.now();
  }

  async #verify(name: string, key: string, callContext: CallContext): Promise<Principal> {
    const { clock } = this.runtime;
    const { user } = openContext(this.runtime, callContext);
    const bearer = await user.authenticateApiKey({ key });
    const { keyId: userId, role, scopes, tenantId, expiresAt, actsFor } = bearer;
    const caller = { userId, role: Role.parse(role), tenantId };
    const principal = { caller: actsFor === '' ? caller : { ...caller, ownerId: actsFor }, scopes };
    const now = clock.now();
    const left = expiresAt === undefined ? CACHE_MS : timestampMs(expiresAt) - now;
    setFor(this.#verified, name, { principal, checkedAt: now }, Math.min(left, CACHE_MS));
    return principal;
  }
}
