import { z } from 'zod';
import { Code, MicroserviceError } from '#kit/core/errors';
import { Money, minor, ofMinor } from '#retail/money';
import { Id, PageRequest, validate } from '#kit/core/validation';
import type {
  ListOffersRequest,
  PriceOffersRequest,
  RemoveOfferRequest,
  SetOfferRequest,
} from '#proto/retail/shop/v1/shop_pb';
import { type Offer, requireManager } from './domain';
import type { Context } from './definition';
import { requireShop } from './shops';

/** A price with the decimals of its currency, so that 5 and 5.00 are the same text. */
const Price = Money.transform((price) => ofMinor(minor(price), price.currency)).refine(
  ({ amount }) => /[1-9]/.test(amount),
  { path: ['amount'], message: 'must be more than 0' },
);

const OfferRequest = z.object({ shopId: Id, productId: Id });

const keyOf = (shopId: string, productId: string) => `${shopId}/${productId}`;

/** Creates or replaces an offer. */
export async function setOffer(request: SetOfferRequest, context: Context) {
  const { offers, lists, caller } = context;
  const { shopId, ...offer } = validate(OfferRequest.extend({ price: Price.optional() }), request);
  requireManager(caller, await requireShop(shopId, context));
  // throws if the product is not in the catalogue
  const [priced] = await withPrices(shopId, [offer], context);
  const key = keyOf(shopId, offer.productId);
  const known = await offers.get(key);
  // the list comes first: an offer can always be found
  if (known === undefined) await lists.offers.add(shopId, offer.productId);
  await offers.update(key, (now) => (now !== undefined && isSame(now, offer) ? now : offer));
  return { ...priced };
}

export async function removeOffer(request: RemoveOfferRequest, context: Context) {
  const { offers, lists, caller } = context;
  const { shopId, productId } = validate(OfferRequest, request);
  requireManager(caller, await requireShop(shopId, context));
  await offers.delete(keyOf(shopId, productId));
  await lists.offers.remove(shopId, productId);
  return {};
}

export async function listOffers(request: ListOffersRequest, context: Context) {
  const { lists } = context;
  const { shopId, page, limit } = validate(PageRequest.extend({ shopId: Id }), request);
  await requireShop(shopId, context);
  const { items: ids, total } = await lists.offers.page(shopId, page, limit);
  const found = await offersOf(shopId, ids, context);
  const items = found.filter((offer) => offer !== undefined);
  return { items: await withPrices(shopId, items, context), page, limit, total };
}

const PriceRequest = z.object({ shopId: Id, productIds: z.array(Id).min(1).max(100) });

/** Returns the offers with their prices, in the order of the request. */
export async function priceOffers(request: PriceOffersRequest, context: Context) {
  const { shopId, productIds } = validate(PriceRequest, request);
  await requireShop(shopId, context);
  const found = await offersOf(shopId, productIds, context);
  const offers = found.map((offer, index) => {
    if (offer !== undefined) return offer;
    const productId = productIds[index];
    const message = `the shop does not sell ${productId}`;
    throw new MicroserviceError(message, Code.NOT_FOUND, { productId });
  });
  return { offers: await withPrices(shopId, offers, context) };
}

function isSame(left: Offer, right: Offer): boolean {
  return JSON.stringify(left.price) === JSON.stringify(right.price);
}

function offersOf(shopId: string, productIds: readonly string[], { offers }: Context) {
  return Promise.all(productIds.map((productId) => offers.get(keyOf(shopId, productId))));
}

/** Adds names and prices. Throws NOT_FOUND for the first product that is not in the catalogue. */
async function withPrices(shopId: string, offers: readonly Offer[], { product }: Context) {
  if (offers.length === 0) return [];
  const { prices } = await product.priceItems({
    productIds: offers.map(({ productId }) => productId),
  });
  return offers.map(({ productId, price }, index) => ({
    shopId,
    productId,
    name: prices[index]?.name ?? '',
    price: price ?? prices[index]?.price,
    ownPrice: price !== undefined,
  }));
}
