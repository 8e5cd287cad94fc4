import { type CryptoKey, importJWK } from 'jose';
import { asService } from '#kit/core/caller';
import { newCallContext } from '#kit/core/call-context';
import type { ServiceRuntime } from '#kit/runtime/service-runtime';
import type { Jwk } from '#proto/retail/user/v1/user_pb';
import { openContext } from '../definition';

export const ALGORITHM = 'ES256';
/** An unknown key id triggers a fetch at most this often, since anyone can invent key ids. */
const MIN_FETCH_MS = 60_000;
/** Keys are fetched again after this, so that a withdrawn key is dropped. */
const RENEW_MS = 5 * 60_000;
/** Pause after a failed fetch. */
const RETRY_MS = 1_000;

/** The public keys of the user service, by key id. */
export class Jwks {
  #keys: ReadonlyMap<string, CryptoKey> = new Map();
  #fetchAfter = 0;
  #renewAfter = 0;
  /** The error of the last fetch, if it failed. */
  #failure: Error | undefined;
  #fetching: Promise<void> | undefined;

  constructor(private readonly runtime: ServiceRuntime) {}

  /** The key with this id, or undefined. Throws if the key is unknown and the last fetch failed. */
  async find(kid: string): Promise<CryptoKey | undefined> {
    const now = this.runtime.clock.now();
    const known = this.#keys.get(kid);
    if (known !== undefined) {
      // renewed in the background: no request waits for it
      if (now >= this.#renewAfter && now >= this.#fetchAfter) void this.#fetchOnce();
      return known;
    }
    if (now >= this.#fetchAfter || this.#fetching !== undefined) await this.#fetchOnce();
    const found = this.#keys.get(kid);
    if (found === undefined && this.#failure !== undefined) throw this.#failure;
    return found;
  }

  /** Concurrent callers share one fetch. */
  async #fetchOnce(): Promise<void> {
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = undefined;
    });
    await this.#fetching;
  }

  async #fetch(): Promise<void> {
    const { clock, log } = this.runtime;
    try {
      const { user } = openContext(this.runtime, newCallContext(clock, { caller: asService() }));
      const { keys } = await user.getKeys({});
      this.#keys = await importKeys(keys);
      this.#failure = undefined;
      this.#fetchAfter = clock.now() + MIN_FETCH_MS;
      this.#renewAfter = clock.now() + RENEW_MS;
    } catch (error) {
      log.warn({ err: error }, 'the signing keys could not be fetched');
      this.#failure = error instanceof Error ? error : new Error(String(error));
      this.#fetchAfter = clock.now() + RETRY_MS;
    }
  }
}

async function importKeys(keys: readonly Jwk[]): Promise<ReadonlyMap<string, CryptoKey>> {
  const usable = keys.filter(({ kty, crv, alg }) => {
    return kty === 'EC' && crv === 'P-256' && alg === ALGORITHM;
  });
  return new Map(
    await Promise.all(
      usable.map(async ({ kty, crv, x, y, kid }): Promise<[string, CryptoKey]> => {
        return [kid, (await importJWK({ kty, crv, x, y }, ALGORITHM)) as CryptoKey];
      }),
    ),
  );
}
