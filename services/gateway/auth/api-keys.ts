import { hash } from 'node:crypto';
import { z } from 'zod';
import { type Caller, asService } from '#kit/core/caller';
import { Code, MicroserviceError } from '#kit/core/errors';
import { newCallContext } from '#kit/core/call-context';
import type { ServiceRuntime } from '#kit/runtime/service-runtime';
import { type TtlCache, hasEntry, setFor, ttlCache } from '#kit/core/ttl-cache';
import { openContext } from '../definition';

/** Who asks; with an API key only what its scopes name (`orders:read`). */
export interface Bearer {
  readonly caller: Caller;
  readonly scopes?: readonly string[];
}

/** Settles where something may be verified now, and throws where that is asked too often. */
export type MayTry = () => Promise<void> | undefined;

/** So long a key is believed: so soon one that was revoked is noticed. */
const CACHE_MS = 60_000;
const MAX_CACHED = 1_000;
const FORM = /^[\w-]{1,64}\.[\w-]{43}$/;
const Role = z.enum(['seller', 'admin']);

/** Whose API keys are: the user service knows them, by their hashes. */
export class ApiKeys {
  readonly #verified: TtlCache<Bearer>;

  constructor(private readonly runtime: ServiceRuntime) {
    this.#verified = ttlCache(MAX_CACHED, runtime.clock);
  }

  /**
   * The bearer of a key: a caller of its own, limited by itself. Throws UNAUTHENTICATED, and what
   * `mayTry` throws.
   */
  async bearerOf(key: string, mayTry: MayTry): Promise<Bearer> {
    if (!FORM.test(key)) throw unauthenticated('the API key is not valid');
    // a memory of the process is no place for keys either
    const name = hash('sha256', key, 'base64url');
    const known = this.#verified.get(name);
    if (known !== undefined) return known;
    // whose was good a minute ago shall not wait for those who make some up beside them
    if (!hasEntry(this.#verified, name)) await mayTry();
    this.#verified.delete(name);
    const { user } = openContext(
      this.runtime,
      newCallContext(this.runtime.clock, { caller: asService() }),
    );
    const { keyId, role, scopes, tenantId } = await user.authenticateApiKey({ key });
    const bearer = { caller: { userId: keyId, role: Role.parse(role), tenantId }, scopes };
    setFor(this.#verified, name, bearer, CACHE_MS);
    return bearer;
  }
}

export function unauthenticated(message: string): MicroserviceError {
  return new MicroserviceError(message, Code.UNAUTHENTICATED);
}
