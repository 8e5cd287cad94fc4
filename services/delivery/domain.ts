import { z } from 'zod';
import { refused } from '#kit/core/errors';
import { Address } from '#retail/address';
import { Money } from '#retail/money';

/** Personal data: stored in this document only. Read as it was stored, whatever the rules are by now. */
const StoredAddress = z.object({
  name: z.string(),
  line1: z.string(),
  line2: z.string(),
  postalCode: z.string(),
  city: z.string(),
  country: z.string(),
});
export type StoredAddress = z.infer<typeof StoredAddress>;

const PlannedDelivery = z.object({
  status: z.enum(['scheduled', 'picked_up', 'in_transit', 'delivered', 'cancelled']),
  deliveryId: z.string(),
  orderId: z.string(),
  userId: z.string(),
  shopId: z.string(),
  address: StoredAddress,
  estimatedAt: z.iso.datetime(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
});
export type PlannedDelivery = z.infer<typeof PlannedDelivery>;
export type Status = PlannedDelivery['status'];

/** An order that is never delivered. Repetitions get the same refusal. */
const RefusedDelivery = z.object({
  status: z.literal('refused'),
  orderId: z.string(),
  reason: z.enum(['undeliverable', 'cancelled']),
});
export type RefusalReason = z.infer<typeof RefusedDelivery>['reason'];

/** The delivery of an order, or its refusal; the key of the document is the orderId. */
export const Delivery = z.discriminatedUnion('status', [PlannedDelivery, RefusedDelivery]);
export type Delivery = z.infer<typeof Delivery>;

export interface DeliveryDecision<O> {
  document: Delivery;
  outcome: O;
}

/** The delivery; undefined if there is none or it was refused. */
export function asPlanned(delivery: Delivery | undefined): PlannedDelivery | undefined {
  return delivery === undefined || delivery.status === 'refused' ? undefined : delivery;
}

/** Plans a delivery, unless it is already planned, refused or cancelled. */
export function plan(
  current: Delivery | undefined,
  planned: PlannedDelivery,
  served: readonly string[],
): DeliveryDecision<{ refusal?: RefusalReason; isNew?: true }> {
  if (current === undefined) {
    const address = deliverableAddress(planned.address, served);
    if (address !== undefined)
      return { document: { ...planned, address }, outcome: { isNew: true } };
    const { orderId } = planned;
    const refusal = 'undeliverable';
    return { document: { status: 'refused', orderId, reason: refusal }, outcome: { refusal } };
  }
  if (current.status === 'refused')
    return { document: current, outcome: { refusal: current.reason } };
  return {
    document: current,
    outcome: current.status === 'cancelled' ? { refusal: 'cancelled' } : {},
  };
}

/**
 * Cancels a delivery whose parcel has not left the shop, or blocks one that is not scheduled yet. With
 * `recall` a parcel on its way is called back.
 */
export function cancelDelivery(
  current: Delivery | undefined,
  orderId: string,
  recall: boolean,
  at: string,
): DeliveryDecision<{ from?: Status; tooLate?: Status }> {
  if (current === undefined) {
    return { document: { status: 'refused', orderId, reason: 'cancelled' }, outcome: {} };
  }
  const { status } = current;
  if (status === 'refused' || status === 'cancelled') return { document: current, outcome: {} };
  if (status === 'delivered' || (status !== 'scheduled' && !recall)) {
    return { document: current, outcome: { tooLate: status } };
  }
  return {
    document: { ...current, status: 'cancelled', updatedAt: at },
    outcome: { from: status },
  };
}

const NEXT: Readonly<Partial<Record<Status, Status>>> = {
  scheduled: 'picked_up',
  picked_up: 'in_transit',
  in_transit: 'delivered',
};

/** Advances a delivery to the next status. Throws FAILED_PRECONDITION for any other step. */
export function advance(
  current: PlannedDelivery,
  to: Status,
  at: string,
): DeliveryDecision<{ from: Status }> {
  if (NEXT[current.status] !== to) {
    throw refused('illegal_transition', `a delivery that is ${current.status} cannot become ${to}`);
  }
  return { document: { ...current, status: to, updatedAt: at }, outcome: { from: current.status } };
}

/** The address as the post writes it; undefined if it cannot be reached. */
function deliverableAddress(
  stored: StoredAddress,
  served: readonly string[],
): StoredAddress | undefined {
  const { data: address } = Address.safeParse(stored);
  return address !== undefined && served.includes(address.country) ? address : undefined;
}

/** The prices of a delivery in one currency. */
export interface DeliveryPrices {
  readonly home: Money;
  readonly abroad: Money;
}

/** Stored, so that an order can name it while it is valid. */
export const Quote = z.object({
  quoteId: z.string(),
  shopId: z.string(),
  /** A hash: the address itself is stored with a delivery only. */
  addressHash: z.string(),
  currency: z.string(),
  price: Money.optional(),
  validUntil: z.iso.datetime(),
});
export type Quote = z.infer<typeof Quote>;

/** Throws FAILED_PRECONDITION unless the quote is valid and for this delivery. */
export function requireValid(
  quote: Quote | undefined,
  wanted: Pick<Quote, 'shopId' | 'addressHash' | 'currency'>,
  now: number,
): Quote {
  // an expired quote is soon removed
  if (quote === undefined || now >= Date.parse(quote.validUntil)) {
    throw refused('quote_expired', 'the delivery quote has expired; request another one');
  }
  const { shopId, addressHash, currency } = wanted;
  if (quote.shopId !== shopId || quote.addressHash !== addressHash || quote.currency !== currency) {
    throw refused('quote_mismatch', 'the delivery quote is for another address, shop or currency');
  }
  return quote;
}

const DAY_MS = 24 * 3600 * 1000;

/** The estimated arrival of an order: after two working days at home, five abroad, at 18:00 UTC. */
export function estimate(
  from: number,
  { country }: Pick<StoredAddress, 'country'>,
  home: string,
): string {
  let day = new Date(from);
  for (let left = country === home ? 2 : 5; left > 0;) {
    day = new Date(day.getTime() + DAY_MS);
    const isWeekend = day.getUTCDay() % 6 === 0;
    if (!isWeekend) left--;
  }
  day.setUTCHours(18, 0, 0, 0);
  return day.toISOString();
}
