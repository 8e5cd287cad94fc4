import { Code, MicroserviceError } from '#kit/core/errors';
import type { Money } from '#retail/money';
import type { Slot } from './slots';
import type { Context } from './definition';

/**
 * What the products cost in a shop today, in their order. Throws NOT_FOUND, with `details.productId`,
 * where it does not sell one of them.
 */
export async function shopPrices(
  shopId: string,
  productIds: readonly string[],
  { shop }: Context,
): Promise<(Money | undefined)[]> {
  const { offers } = await shop.priceOffers({ shopId, productIds: [...productIds] });
  return offers.map(({ price }) => price && { amount: price.amount, currency: price.currency });
}

/** What a piece of a slot costs: its own price, or else the shop's; undefined where neither tells. */
export async function priceOf(
  slot: Pick<Slot, 'productId' | 'price'>,
  shopId: string,
  context: Context,
): Promise<Money | undefined> {
  if (slot.price !== undefined) return slot.price;
  try {
    return (await shopPrices(shopId, [slot.productId], context))[0];
  } catch (error) {
    if (error instanceof MicroserviceError && error.code === Code.NOT_FOUND) return undefined;
    throw error;
  }
}
