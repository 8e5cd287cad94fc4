import { type CryptoKey, importJWK } from 'jose';
import { asService } from '#kit/core/caller';
import { newCallContext } from '#kit/core/call-context';
import type { ServiceRuntime } from '#kit/runtime/service-runtime';
import type { Jwk } from '#proto/retail/user/v1/user_pb';
import { openContext } from '../definition';

export const ALGORITHM = 'ES256';
/** An unknown key makes us ask for the keys, but not oftener: anybody can make up names of keys. */
const ASK_AGAIN_MS = 60_000;
/** After so long they are asked for again anyway, so that one that was withdrawn is forgotten. */
const RENEW_MS = 5 * 60_000;
/** When they could not be had. */
const RETRY_MS = 1_000;

/** The user service's public keys, by name. */
export class Jwks {
  #keys: ReadonlyMap<string, CryptoKey> = new Map();
  #askAfter = 0;
  #renewAfter = 0;
  /** Why they could not be had the last time. */
  #failure: Error | undefined;
  #asking: Promise<void> | undefined;

  constructor(private readonly runtime: ServiceRuntime) {}

  /** The key of this name; undefined where there is none. Throws where that cannot be known. */
  async find(kid: string): Promise<CryptoKey | undefined> {
    const now = this.runtime.clock.now();
    const known = this.#keys.get(kid);
    if (known !== undefined) {
      // nobody waits for the renewal
      if (now >= this.#renewAfter && now >= this.#askAfter) void this.#ask();
      return known;
    }
    if (now >= this.#askAfter || this.#asking !== undefined) await this.#ask();
    const found = this.#keys.get(kid);
    if (found === undefined && this.#failure !== undefined) throw this.#failure;
    return found;
  }

  /** Asks for the keys; those who come meanwhile wait for the same answer. */
  async #ask(): Promise<void> {
    this.#asking ??= this.#fetch().finally(() => {
      this.#asking = undefined;
    });
    await this.#asking;
  }

  async #fetch(): Promise<void> {
    const { clock, log } = this.runtime;
    try {
      const { user } = openContext(this.runtime, newCallContext(clock, { caller: asService() }));
      const { keys } = await user.getKeys({});
      this.#keys = await imported(keys);
      this.#failure = undefined;
      this.#askAfter = clock.now() + ASK_AGAIN_MS;
      this.#renewAfter = clock.now() + RENEW_MS;
    } catch (error) {
      log.warn({ err: error }, 'keys could not be fetched');
      this.#failure = error instanceof Error ? error : new Error(String(error));
      this.#askAfter = clock.now() + RETRY_MS;
    }
  }
}

async function imported(keys: readonly Jwk[]): Promise<ReadonlyMap<string, CryptoKey>> {
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
