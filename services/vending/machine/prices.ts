import { Code, MicroserviceError, refusalOf } from '#kit/core/errors';
import type { Money } from '#retail/money';
import type { Context } from '../definition';
import type { Machine, Slot } from './machine';

/**
 * The current prices of products in a shop, in the order of the ids. Throws NOT_FOUND with
 * `details.productId` if the shop does not sell one of them. With a channel, the shop decides whether it
 * sells in it.
 */
export async function shopPrices(
  shopId: string,
  productIds: readonly string[],
  { shop }: Context,
  channel?: 'vending',
): Promise<(Money | undefined)[]> {
  const { offers } = await shop.priceOffers({
    shopId,
    productIds: [...productIds],
    ...(channel === undefined ? {} : { channel }),
  });
  return offers.map(({ price }) => price && { amount: price.amount, currency: price.currency });
}

/** Why the shop sells nothing from a slot, by the reason of its refusal. */
const REFUSALS: Readonly<Record<string, string>> = {
  shop_not_found: 'is in a machine whose shop does not exist',
  channel_not_offered: 'contains a product that the shop does not sell in machines',
  product_not_found: 'contains a product that does not exist',
  not_offered: 'contains a product that the shop does not sell',
  offer_withdrawn: 'contains a product that the shop no longer sells',
};

/**
 * What a piece costs now: the price of its slot, or else of the shop. Throws INVALID_ARGUMENT with a reason
 * if the shop does not sell it from machines, also where the slot has a price.
 */
export async function vendPrice(
  { productId, price }: Pick<Slot, 'productId' | 'price'>,
  { shopId, currency }: Machine,
  context: Context,
): Promise<Money> {
  const [offered] = await shopPrices(shopId, [productId], context, 'vending').catch(
    (error: unknown) => {
      const { reason = '' } = refusalOf(error)?.details ?? {};
      const message = REFUSALS[String(reason)];
      throw message === undefined ? error : refusedSlot(message, String(reason));
    },
  );
  const current = price ?? offered;
  if (current?.currency === currency) return current;
  throw refusedSlot(`is priced in another currency than ${currency}`, 'currency_mismatch');
}

function refusedSlot(message: string, reason: string): MicroserviceError {
  return new MicroserviceError(`slot ${message}`, Code.INVALID_ARGUMENT, {
    reason,
    fields: [{ field: 'slot', message }],
  });
}

/** The price of a piece that was sold: of its slot, or else of the shop; undefined if neither has one. */
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
