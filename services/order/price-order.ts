import { MicroserviceError, refusalOf } from '#kit/core/errors';
import { fromTimestamp, toTimestamp } from '#kit/core/timestamps';
import { add } from '#retail/money';
import type { Context } from './definition';
import { type Priced, priceItems, refusedField } from './domain';
import type { OrderRequest } from './requests';

/**
 * Has the shop price the items, and the carrier the delivery of an online order: all checks that are
 * possible before money moves are made here, and a refusal has the field and the reason. Nothing that the shop changes
 * afterwards concerns the order: an offer that is withdrawn between this and the reservation is still
 * sold at this price, as long as there is stock.
 */
export async function priceOrder(request: OrderRequest, context: Context): Promise<Priced> {
  const { shopId, items, channel, deliveryAddress } = request;
  const productIds = items.map(({ productId }) => productId);
  const { offers, terms } = await context.shop
    .priceOffers({ shopId, productIds, channel })
    .catch((error: unknown) => {
      throw atField(error, productIds);
    });
  const prices = offers.map(({ price }) => price);
  const { opensAt, deliveryPaidBy, pickupHoldHours = 0, returnDays = 0 } = terms ?? {};
  const priced: Priced = {
    ...priceItems(items, prices),
    ...(opensAt === undefined ? {} : { handledFrom: fromTimestamp(opensAt) }),
    pickupHoldHours,
    returnDays,
  };
  if (deliveryAddress === undefined) return priced;

  const price = await deliveryPrice({ ...request, deliveryAddress }, priced, context);
  if (deliveryPaidBy !== 'buyer') return priced;
  if (price === undefined) {
    const message = `cannot be delivered at a price in ${priced.totalAmount.currency}`;
    throw refusedField('items', message, 'currency_mismatch');
  }
  return { ...priced, deliveryPrice: price, totalAmount: add(priced.totalAmount, price) };
}

/** The carrier's price. Throws INVALID_ARGUMENT if the address cannot be reached, or the quote is not valid. */
async function deliveryPrice(
  request: OrderRequest & { deliveryAddress: NonNullable<OrderRequest['deliveryAddress']> },
  { totalAmount, handledFrom }: Priced,
  { delivery }: Context,
) {
  const { shopId, deliveryAddress: address, quoteId } = request;
  const { currency } = totalAmount;
  const { reachable, reason, price } = await delivery
    .priceDelivery({
      ...{ shopId, address, currency },
      ...(quoteId === undefined ? {} : { quoteId }),
      ...(handledFrom === undefined ? {} : { notBefore: toTimestamp(handledFrom) }),
    })
    .catch((error: unknown) => {
      const refusal = refusalOf(error);
      const code = refusal?.details['reason'];
      if (code !== 'quote_expired' && code !== 'quote_mismatch') throw error;
      const message = code === 'quote_expired' ? 'has expired' : 'is for another delivery';
      throw refusedField('quoteId', message, code);
    });
  if (!reachable) {
    const message = 'is a country that we do not deliver to';
    throw refusedField('deliveryAddress.country', message, reason ?? 'undeliverable');
  }
  return price && { amount: price.amount, currency: price.currency };
}

/** The fields of an order that a refusal of the shop is about, by its reason. */
const FIELDS: Readonly<
  Record<string, { field: 'shopId' | 'channel' | 'product'; message: string }>
> = {
  shop_not_found: { field: 'shopId', message: 'is not a known shop' },
  shop_closed: { field: 'shopId', message: 'is a shop that is closed and takes no orders now' },
  channel_not_offered: { field: 'channel', message: 'is not offered by this shop' },
  product_not_found: { field: 'product', message: 'is not a known product' },
  not_offered: { field: 'product', message: 'is not sold in this shop' },
  offer_withdrawn: { field: 'product', message: 'is no longer sold in this shop' },
};

/** A refusal of the shop as an error of the buyer's request; any other error as it is. */
function atField(error: unknown, productIds: readonly string[]): unknown {
  if (!(error instanceof MicroserviceError) || refusalOf(error) === undefined) return error;
  const { reason = '', productId, opensAt } = error.details;
  const at = FIELDS[reason];
  if (at === undefined) return error;
  const index = productIds.findIndex((id) => id === productId);
  const product = index < 0 ? 'items' : `items.${index}.productId`;
  const field = at.field === 'product' || index >= 0 ? product : at.field;
  const { message } = reason === 'channel_not_offered' && index >= 0 ? NOT_IN_CHANNEL : at;
  return refusedField(field, message, reason, opensAt === undefined ? {} : { opensAt });
}

const NOT_IN_CHANNEL = { message: 'is not sold in this channel' };
