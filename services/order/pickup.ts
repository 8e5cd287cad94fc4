import { isoTimeAt } from '#kit/core/clock';
import { refused } from '#kit/core/errors';
import type { Order, Pickup } from './domain';

// The pickup of an order: pure functions of the stored order.

/** Moves a pickup to its next status. Throws FAILED_PRECONDITION for any other step. */
export function withPickupStatus(
  order: Order,
  to: 'ready' | 'collected',
  at: string,
): Order & { readonly pickup: Pickup } {
  const { status, channel, pickup, pickupHoldHours } = order;
  if (channel !== 'pickup') throw refused('not_for_pickup', 'the order is not for pickup');
  if (status !== 'confirmed' || pickup === undefined) {
    throw refused('not_confirmed', `the order is ${status}`);
  }
  const isNext = to === 'ready' ? pickup.status === 'preparing' : pickup.status === 'ready';
  if (!isNext) {
    throw refused('illegal_transition', `a pickup that is ${pickup.status} cannot become ${to}`);
  }
  const times =
    to === 'ready'
      ? { readyAt: at, expiresAt: isoTimeAt(Date.parse(at) + pickupHoldHours * 3_600_000) }
      : { collectedAt: at };
  return { ...order, pickup: { ...pickup, status: to, ...times }, updatedAt: at };
}

/** Whether the order is confirmed and its buyer has not collected it. */
export function isWaiting({ status, pickup }: Order): boolean {
  return status === 'confirmed' && pickup !== undefined && pickup.status !== 'collected';
}
