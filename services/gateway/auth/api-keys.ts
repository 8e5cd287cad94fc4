import { hash } from 'node:crypto';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { z } from 'zod';
import { asService } from '#kit/core/caller';
import { newCallContext } from '#kit/core/call-context';
import { type TtlCache, hasEntry, setFor, ttlCache } from '#kit/core/ttl-cache';
import type { ServiceRuntime } from '#kit/runtime/service-runtime';
import { openContext } from '../definition';
import { type BeforeVerification, type Principal, unauthenticated } from './principal';

/** A key is verified again after this, which detects that it was revoked. */
const CACHE_MS = 60_000;
const MAX_CACHED = 1_000;
const KEY = /^[\w-]{1,64}\.[\w-]{43}$/;
const Role = z.enum(['seller', 'admin']);

/** Verifies API keys with the user service, which stores their hashes. */
export class ApiKeys {
  readonly #verified: TtlCache<Principal>;

  constructor(private readonly runtime: ServiceRuntime) {
    this.#verified = ttlCache(MAX_CACHED, runtime.clock);
  }

  /**
   * The principal of a key, which is a caller with its own id and so its own rate limits. Throws
   * UNAUTHENTICATED, and whatever `beforeVerification` throws.
   */
  async principalOf(key: string, beforeVerification: BeforeVerification): Promise<Principal> {
    if (!KEY.test(key)) throw unauthenticated('the API key is not valid');
    // the cache must not hold keys either
    const name = hash('sha256', key, 'base64url');
    const known = this.#verified.get(name);
    if (known !== undefined) return known;
    // a key that was valid a minute ago is exempt, so that a flood from its address cannot block it
    if (!hasEntry(this.#verified, name)) await beforeVerification();
    this.#verified.delete(name);
    const { clock } = this.runtime;
    const { user } = openContext(this.runtime, newCallContext(clock, { caller: asService() }));
    const bearer = await user.authenticateApiKey({ key });
    const { keyId: userId, role, scopes, tenantId, expiresAt, actsFor } = bearer;
    const caller = { userId, role: Role.parse(role), tenantId };
    const principal = { caller: actsFor === '' ? caller : { ...caller, ownerId: actsFor }, scopes };
    const left = expiresAt === undefined ? CACHE_MS : timestampMs(expiresAt) - clock.now();
    setFor(this.#verified, name, principal, Math.min(left, CACHE_MS));
    return principal;
  }
}
