import type {
  CreateQuoteRequest,
  PriceDeliveryRequest,
} from '#proto/retail/delivery/v1/delivery_pb';
import { requireRole } from '#kit/core/caller';
import { isoTimeAt } from '#kit/core/clock';
import { deterministicId } from '#kit/core/deterministic-id';
import { toTimestamp } from '#kit/core/timestamps';
import { validate } from '#kit/core/validation';
import type { Address } from '#retail/address';
import type { Money } from '#retail/money';
import type { Context } from './definition';
import { estimate, requireValid } from './domain';
import { DeliveryToPrice, NewQuote } from './requests';
import { handoverOf } from './schedule';

/** A quote is valid this long: time enough to check out. */
export const QUOTE_MS = 30 * 60_000;

/** Quotes a delivery to anyone, and stores the quote while it is valid. */
export async function createQuote(request: CreateQuoteRequest, context: Context) {
  const { quotes, newId, clock, config } = context;
  const { shopId, address, ...requested } = validate(NewQuote, request);
  if (!isServed(address, context)) return unreachable(shopId, address);
  const [first = ''] = config.DELIVERY_PRICES.keys();
  const { currency = first } = requested;
  const quoteId = newId('quote');
  const price = priceOf(address, currency, context);
  const validUntil = isoTimeAt(clock.now() + QUOTE_MS);
  const quote = {
    quoteId,
    shopId,
    addressHash: hashOf(address),
    currency,
    ...(price && { price }),
    validUntil,
  };
  await quotes.update(quoteId, (known) => known ?? quote);
  await quotes.expireIfAbandoned(quoteId, QUOTE_MS / 1000, () => true);
  const estimatedAt = estimate(clock.now(), address, config.DELIVERY_HOME);
  return {
    quoteId,
    ...reachable(shopId, address, price, estimatedAt),
    validUntil: toTimestamp(validUntil),
  };
}

/**
 * Prices the delivery of an order that is about to be placed; at the price of its quote if it names one.
 * Writes nothing, and reads nothing without a quote.
 */
export async function priceDelivery(request: PriceDeliveryRequest, context: Context) {
  const { quotes, clock, config } = context;
  requireRole(context.caller, 'customer', 'seller', 'admin', 'service');
  const delivery = validate(DeliveryToPrice, request);
  const { shopId, address, currency, quoteId, notBefore } = delivery;
  if (!isServed(address, context)) return unreachable(shopId, address);
  let price = priceOf(address, currency, context);
  if (quoteId !== undefined) {
    const wanted = { shopId, addressHash: hashOf(address), currency };
    ({ price } = requireValid(await quotes.get(quoteId), wanted, clock.now()));
  }
  const handover = handoverOf(notBefore, clock.now());
  return reachable(shopId, address, price, estimate(handover, address, config.DELIVERY_HOME));
}

function isServed({ country }: Address, { config }: Context): boolean {
  return config.DELIVERY_COUNTRIES.includes(country);
}

/** Undefined if the carrier has no price in the currency. */
function priceOf({ country }: Address, currency: string, { config }: Context): Money | undefined {
  const prices = config.DELIVERY_PRICES.get(currency);
  return country === config.DELIVERY_HOME ? prices?.home : prices?.abroad;
}

function unreachable(shopId: string, address: Address) {
  const destination = destinationOf(address);
  return { shopId, destination, reachable: false, reason: 'country_not_served' };
}

function reachable(
  shopId: string,
  address: Address,
  price: Money | undefined,
  estimatedAt: string,
) {
  return {
    shopId,
    destination: destinationOf(address),
    reachable: true,
    ...(price && { price }),
    estimatedAt: toTimestamp(estimatedAt),
  };
}

function destinationOf({ postalCode, city, country }: Address) {
  return { postalCode, city, country };
}

/** The address as far as it decides the price: the recipient's name does not. */
function hashOf({ line1, line2, postalCode, city, country }: Address): string {
  return deterministicId('address', line1, line2, postalCode, city, country);
}
