import { z } from 'zod';
import { refused } from '#kit/core/errors';
import { isPostalCode } from './postal-code';

/** Personal data: stored in this document only. */
const Address = z.object({
  name: z.string(),
  line1: z.string(),
  line2: z.string(),
  postalCode: z.string(),
  city: z.string(),
  country: z.string(),
});
export type Address = z.infer<typeof Address>;

const PlannedDelivery = z.object({
  status: z.enum(['scheduled', 'picked_up', 'in_transit', 'delivered', 'cancelled']),
  deliveryId: z.string(),
  orderId: z.string(),
  userId: z.string(),
  shopId: z.string(),
  address: Address,
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
    if (isDeliverable(planned.address, served))
      return { document: planned, outcome: { isNew: true } };
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

/** Cancels a delivery that has not arrived, or blocks one that is not scheduled yet. */
export function cancelDelivery(
  current: Delivery | undefined,
  orderId: string,
  at: string,
): DeliveryDecision<{ from?: Status; isTooLate?: true }> {
  if (current === undefined) {
    return { document: { status: 'refused', orderId, reason: 'cancelled' }, outcome: {} };
  }
  if (current.status === 'delivered') return { document: current, outcome: { isTooLate: true } };
  if (current.status === 'refused' || current.status === 'cancelled')
    return { document: current, outcome: {} };
  return {
    document: { ...current, status: 'cancelled', updatedAt: at },
    outcome: { from: current.status },
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

function isDeliverable({ country, postalCode }: Address, served: readonly string[]): boolean {
  return served.includes(country) && isPostalCode(country, postalCode);
}

const DAY_MS = 24 * 3600 * 1000;

/** The estimated arrival of an order: after two working days at home, five abroad, at 18:00 UTC. */
export function estimate(now: number, { country }: Address, home: string): string {
  let day = new Date(now);
  for (let left = country === home ? 2 : 5; left > 0;) {
    day = new Date(day.getTime() + DAY_MS);
    const isWeekend = day.getUTCDay() % 6 === 0;
    if (!isWeekend) left--;
  }
  day.setUTCHours(18, 0, 0, 0);
  return day.toISOString();
}
