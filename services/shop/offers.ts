import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { z } from 'zod';
import { isoTime } from '#kit/core/clock';
import { Code, MicroserviceError, notFound, refused, stillInProgress } from '#kit/core/errors';
import { requirePrecondition } from '#kit/core/precondition';
import { toTimestamp } from '#kit/core/timestamps';
import { Id, PageRequest, validate } from '#kit/core/validation';
import { Price } from '#retail/money';
import { requireRole } from '#kit/core/caller';
import type { EventData } from '#kit/messages/contract';
import { OfferUpdated, SetOffer } from '#contracts/shop';
import type {
  ExportOffersRequest,
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
  Offer,
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
  const { caller, clock } = context;
  const { shopId, productId, price, channels } = validate(NewOffer, request);
  requireManager(caller, await requireShop(shopId, context));
  // throws if the product is not in the catalogue
  const [entry] = await catalogueEntries([productId], context);
  const offer: Offer = { productId, ...(price && { price }), ...(channels && { channels }) };
  const stored = await dispatch(shopId, offer, context);
  return toMessage(shopId, stored ?? { ...offer, updatedAt: isoTime(clock) }, entry);
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
  const { offers, caller, precondition } = context;
  const { shopId, productId } = validate(OfferRequest, request);
  requireManager(caller, await requireShop(shopId, context));
  const known = await offers.get(keyOf(shopId, productId));
  // a product that does not exist is sold nowhere
  if (known === undefined && !(await isKnownProduct(productId, context))) {
    requirePrecondition(precondition, undefined);
    return {};
  }
  await dispatch(shopId, { productId, withdrawn: true }, context);
  return {};
}

/** As a command, so that no offer is stored whose event is never published. */
async function dispatch(shopId: string, offer: Offer, context: Context) {
  const { dispatchAndWait, offers, precondition } = context;
  const { withdrawn = false, ...fields } = offer;
  const command = { shopId, ...fields, withdrawn, precondition };
  const stored = await dispatchAndWait(SetOffer, command, () =>
    offers.get(keyOf(shopId, offer.productId)),
  );
  if (stored === undefined && precondition !== undefined) throw stillInProgress('the offer');
  return stored;
}

/** Handles SetOffer. */
export async function recordOffer(
  { precondition, ...fields }: EventData<typeof SetOffer>,
  { offers, lists, publish, clock }: Context,
): Promise<void> {
  const { shopId, productId, price, channels, withdrawn } = fields;
  const offer = Offer.parse({ productId, price, channels, withdrawn: withdrawn || undefined });
  const updatedAt = isoTime(clock);
  await offers.update(keyOf(shopId, productId), (now) => {
    requirePrecondition(precondition, current(now));
    return now !== undefined && isSame(now, offer) ? now : { ...offer, updatedAt };
  });
  // after the change, which may be refused; a redelivery completes the lists
  await (withdrawn ? lists.withdrawals : lists.offers).add(shopId, productId);
  await (withdrawn ? lists.offers : lists.withdrawals).remove(shopId, productId);
  await publish(OfferUpdated, fields);
}

const ExportRequest = PageRequest.extend({ shopId: Id, withdrawn: z.boolean() });

/** Returns offers or withdrawals with the sequences of their events. */
export async function exportOffers(request: ExportOffersRequest, context: Context) {
  const { lists, offers, sequenceOf, caller } = context;
  requireRole(caller, 'service');
  const { shopId, page, limit, withdrawn } = validate(ExportRequest, request);
  const list = withdrawn ? lists.withdrawals : lists.offers;
  const { items: ids, total } = await list.page(shopId, page, limit);
  const items = await Promise.all(
    ids.map(async (productId) => {
      const key = keyOf(shopId, productId);
      const offer = await offers.get(key);
      if (offer === undefined) return [];
      const { price } = offer;
      const sequence = sequenceOf(key);
      return [{ productId, price, withdrawn: offer.withdrawn === true, sequence }];
    }),
  );
  return { items: items.flat(), page, limit, total };
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
