import { z } from 'zod';
import { refused } from '#kit/core/errors';
import { isPostalCode } from './postal-code';

/** Personal: it is in this document and nowhere else. */
const Address = z.object({
  name: z.string(),
  line1: z.string(),
  line2: z.string(),
  postalCode: z.string(),
  city: z.string(),
  country: z.string(),
});
export type Address = z.infer<typeof Address>;

const Planned = z.object({
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
export type Planned = z.infer<typeof Planned>;
export type Status = Planned['status'];

/** An order that is not brought and never will be: each repetition is answered as the first was. */
const Refused = z.object({
  status: z.literal('refused'),
  orderId: z.string(),
  reason: z.enum(['undeliverable', 'cancelled']),
});
export type Reason = z.infer<typeof Refused>['reason'];

/** What became of an order here, under the order's id. */
export const Delivery = z.discriminatedUnion('status', [Planned, Refused]);
export type Delivery = z.infer<typeof Delivery>;

export interface Decided<O> {
  document: Delivery;
  outcome: O;
}

/** The delivery, where there is one. */
export function planned(delivery: Delivery | undefined): Planned | undefined {
  return delivery === undefined || delivery.status === 'refused' ? undefined : delivery;
}

/** Plans a delivery, unless it is planned, or refused, or cancelled already. */
export function plan(
  now: Delivery | undefined,
  wanted: Planned,
  served: readonly string[],
): Decided<{ refusal?: Reason; isNew?: true }> {
  if (now === undefined) {
    if (isDeliverable(wanted.address, served))
      return { document: wanted, outcome: { isNew: true } };
    const { orderId } = wanted;
    const refusal = 'undeliverable';
    return { document: { status: 'refused', orderId, reason: refusal }, outcome: { refusal } };
  }
  if (now.status === 'refused') return { document: now, outcome: { refusal: now.reason } };
  return { document: now, outcome: now.status === 'cancelled' ? { refusal: 'cancelled' } : {} };
}

/** Cancels a delivery on its way, or keeps an order from being brought at all. */
export function callOff(
  now: Delivery | undefined,
  orderId: string,
  at: string,
): Decided<{ from?: Status; isTooLate?: true }> {
  if (now === undefined) {
    return { document: { status: 'refused', orderId, reason: 'cancelled' }, outcome: {} };
  }
  if (now.status === 'delivered') return { document: now, outcome: { isTooLate: true } };
  if (now.status === 'refused' || now.status === 'cancelled') return { document: now, outcome: {} };
  return {
    document: { ...now, status: 'cancelled', updatedAt: at },
    outcome: { from: now.status },
  };
}

const NEXT: Readonly<Partial<Record<Status, Status>>> = {
  scheduled: 'picked_up',
  picked_up: 'in_transit',
  in_transit: 'delivered',
};

/** Moves a delivery one step on; any other step is refused. */
export function move(now: Planned, to: Status, at: string): Decided<{ from: Status }> {
  if (NEXT[now.status] !== to) {
    throw refused('illegal_transition', `what is ${now.status} cannot become ${to}`);
  }
  return { document: { ...now, status: to, updatedAt: at }, outcome: { from: now.status } };
}

function isDeliverable({ country, postalCode }: Address, served: readonly string[]): boolean {
  return served.includes(country) && isPostalCode(country, postalCode);
}

const DAY_MS = 24 * 3600 * 1000;

/** When a parcel that is ordered now arrives: working days later, two at home and five abroad, at 18:00 UTC. */
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
