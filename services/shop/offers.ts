import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { z } from 'zod';
import { isoTime } from '#kit/core/clock';
import { Code, MicroserviceError, notFound, refused } from '#kit/core/errors';
import { requirePrecondition } from '#kit/core/precondition';
import { toTimestamp } from '#kit/core/timestamps';
import { Id, PageRequest, validate } from '#kit/core/validation';
import { Price } from '#retail/money';
import type {
  GetOfferRequest,
  ListOffersRequest,
  PriceOffersRequest,
  RemoveOfferRequest,
  SetOfferRequest,
} from '#proto/retail/shop/v1/shop_pb';
import { catalogueEntries, completeEntries, isKnownProduct, storedEntries } from './catalogue';
import {
  CHANNELS,
  type CatalogueEntry,
  ORDER_CHANNELS,
  type Offer,
  type Refusal,
  type Shop,
  refusalOf,
  requireManager,
} from './domain';
import type { Context } from './definition';
import { isOpen } from './opening-hours';
import { opensAt, requireFound, requireShop } from './shops';

const OfferRequest = z.object({ shopId: Id, productId: Id });
const NewOffer = OfferRequest.extend({
  price: Price.optional(),
  channels: z
    .array(z.enum(CHANNELS))
    .max(20)
    .transform((channels) => (channels.length === 0 ? undefined : [...new Set(channels)])),
});

const keyOf = (shopId: string, productId: string) => `${shopId}/${productId}`;

/** Creates or replaces an offer. */
export async function setOffer(request: SetOfferRequest, context: Context) {
  const { offers, lists, caller, clock, precondition } = context;
  const { shopId, productId, price, channels } = validate(NewOffer, request);
  requireManager(caller, await requireShop(shopId, context));
  // throws if the product is not in the catalogue
  const [entry] = await catalogueEntries([productId], context);
  const offer: Offer = { productId, ...(price && { price }), ...(channels && { channels }) };
  const key = keyOf(shopId, productId);
  if (current(await offers.get(key)) === undefined) {
    requirePrecondition(precondition, undefined);
    // the list comes first: an offer can always be found
    await lists.offers.add(shopId, productId);
  }
  const updatedAt = isoTime(clock);
  const stored = await offers.update(key, (now) => {
    requirePrecondition(precondition, current(now));
    return now !== undefined && isSame(now, offer) ? now : { ...offer, updatedAt };
  });
  return toMessage(shopId, stored, entry);
}

/** The offer, unless it is withdrawn. */
function current(offer: Offer | undefined): Offer | undefined {
  return offer?.withdrawn ? undefined : offer;
}

/**
 * Withdraws a product. The withdrawal is stored, because a shop that sells the whole catalogue would sell
 * a product without an offer.
 */
export async function removeOffer(request: RemoveOfferRequest, context: Context) {
  const { offers, lists, caller, clock, precondition } = context;
  const { shopId, productId } = validate(OfferRequest, request);
  requireManager(caller, await requireShop(shopId, context));
  const key = keyOf(shopId, productId);
  const known = await offers.get(key);
  // a product that does not exist is sold nowhere
  if (known === undefined && !(await isKnownProduct(productId, context))) {
    requirePrecondition(precondition, undefined);
    return {};
  }
  const updatedAt = isoTime(clock);
  await offers.update(key, (now) => {
    requirePrecondition(precondition, current(now));
    return now?.withdrawn ? now : { productId, withdrawn: true, updatedAt };
  });
  await lists.offers.remove(shopId, productId);
  return {};
}

export async function getOffer(request: GetOfferRequest, context: Context) {
  const { offers } = context;
  const { shopId, productId } = validate(OfferRequest, request);
  await requireShop(shopId, context);
  const offer = current(await offers.get(keyOf(shopId, productId)));
  if (offer === undefined) throw notFound('offer');
  const [entry] = await catalogueEntries([productId], context);
  return toMessage(shopId, offer, entry);
}

export async function listOffers(request: ListOffersRequest, context: Context) {
  const { lists } = context;
  const { shopId, page, limit } = validate(PageRequest.extend({ shopId: Id }), request);
  await requireShop(shopId, context);
  const { items: ids, total } = await lists.offers.page(shopId, page, limit);
  const [found, stored] = await Promise.all([
    offersOf(shopId, ids, context),
    storedEntries(ids, context),
  ]);
  const entries = ids.length === 0 ? [] : await completeEntries(ids, stored, context);
  const items = found.flatMap((offer, index) =>
    offer === undefined || offer.withdrawn ? [] : [toMessage(shopId, offer, entries[index])],
  );
  return { items, page, limit, total };
}

const PriceRequest = z.object({
  shopId: Id,
  productIds: z.array(Id).min(1).max(100),
  channel: z.enum(ORDER_CHANNELS).optional(),
});

/**
 * Returns the prices of products in a shop, in the order of the request, and the shop's terms; or refuses.
 * An order asks this once, before it exists: what the shop changes afterwards does not concern it. Costs
 * one read.
 */
export async function priceOffers(request: PriceOffersRequest, context: Context) {
  const { shops, clock } = context;
  const { shopId, productIds, channel } = validate(PriceRequest, request);
  const [found, offers, stored] = await Promise.all([
    shops.get(shopId),
    offersOf(shopId, productIds, context),
    storedEntries(productIds, context),
  ]);
  const shop = requireFound(found);
  const open = isOpen(shop.openingHours, shop.timeZone, clock.now());
  const asked = productIds.map((productId, index) => [productId, offers[index]] as const);
  const refusal = refusalOf(shop, asked, channel, open);
  if (refusal !== undefined) throw errorOf(refusal, shop, context);
  const entries = await completeEntries(productIds, stored, context);
  return {
    offers: asked.map(([productId, offer], index) =>
      toMessage(shopId, offer ?? { productId }, entries[index]),
    ),
    terms: termsOf(shop, context),
  };
}

function termsOf(shop: Shop, { clock }: Context) {
  const { deliveryPaidBy, pickupHoldHours, returnDays } = shop.policies;
  const opening = opensAt(shop, clock.now());
  return {
    ...(opening === undefined ? {} : { opensAt: timestampFromMs(opening) }),
    deliveryPaidBy,
    pickupHoldHours,
    returnDays,
  };
}

/** What the shop does not sell at all is NOT_FOUND; what it does not sell now or in this channel is refused. */
function errorOf({ reason, message, productId }: Refusal, shop: Shop, { clock }: Context) {
  const details = productId === undefined ? {} : { productId };
  if (reason === 'not_offered' || reason === 'offer_withdrawn') {
    return new MicroserviceError(message, Code.NOT_FOUND, { ...details, reason });
  }
  const opening = reason === 'shop_closed' ? opensAt(shop, clock.now()) : undefined;
  const times = opening === undefined ? {} : { opensAt: new Date(opening).toISOString() };
  return refused(reason, message, { ...details, ...times });
}

/** Whether two offers differ in their times at most. */
function isSame({ updatedAt: _, ...left }: Offer, { updatedAt: __, ...right }: Offer): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

function offersOf(shopId: string, productIds: readonly string[], { offers }: Context) {
  return Promise.all(productIds.map((productId) => offers.get(keyOf(shopId, productId))));
}

/** An offer as the API returns it. */
function toMessage(
  shopId: string,
  { productId, price, channels = [], updatedAt }: Offer,
  entry: CatalogueEntry | undefined,
) {
  return {
    shopId,
    productId,
    name: entry?.name ?? '',
    price: price ?? entry?.price,
    ownPrice: price !== undefined,
    channels,
    ...(updatedAt === undefined ? {} : { updatedAt: toTimestamp(updatedAt) }),
  };
}
