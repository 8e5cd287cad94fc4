import { Code, MicroserviceError } from '#kit/core/errors';
import type { Money } from '#retail/money';
import type { Context } from '../definition';
import type { Slot } from './machine';

/**
 * The current prices of products in a shop, in the order of the ids. Throws NOT_FOUND with
 * `details.productId` if the shop does not sell one of them.
 */
export async function shopPrices(
  shopId: string,
  productIds: readonly string[],
  { shop }: Context,
): Promise<(Money | undefined)[]> {
  const { offers } = await shop.priceOffers({ shopId, productIds: [...productIds] });
  return offers.map(({ price }) => price && { amount: price.amount, currency: price.currency });
}

/** The price of a piece: the slot's own, or else the shop's; undefined if neither has one. */
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
