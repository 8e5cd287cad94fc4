import type { Clock } from '#kit/core/clock';
import { type TtlCache, setFor, ttlCache } from '#kit/core/ttl-cache';

/** How long a shop's policy is used before the shop service is called again. */
const CACHED_MS = 5_000;
const MAX_SHOPS = 10_000;

interface KnownShop {
  readonly sellsCatalogue: boolean;
}

/** The part of the shop service's client that returns a shop. */
interface Shops {
  getShop(request: { shopId: string }): Promise<{
    readonly policies?: { readonly sellsCatalogue?: boolean | undefined } | undefined;
  }>;
}

/** The policies of the shops that were searched lately. */
export class KnownShops {
  readonly #cache: TtlCache<KnownShop>;

  constructor(clock: Clock) {
    this.#cache = ttlCache<KnownShop>(MAX_SHOPS, clock);
  }

  /** Whether a shop sells every product that it has no offer for. Throws NOT_FOUND for an unknown shop. */
  async sellsCatalogue(tenant: string, shopId: string, shops: Shops): Promise<boolean> {
    const key = `${tenant}/${shopId}`;
    const cached = this.#cache.get(key);
    if (cached !== undefined) return cached.sellsCatalogue;
    const { policies } = await shops.getShop({ shopId });
    const sellsCatalogue = policies?.sellsCatalogue ?? true;
    setFor(this.#cache, key, { sellsCatalogue }, CACHED_MS);
    return sellsCatalogue;
  }
}
