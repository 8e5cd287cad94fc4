import { z } from 'zod';
import type { OrderKey } from './order-key';

/**
 * The orders that hold pieces, each with its quantity: ` hQ3k9_Ab:2 x81mZ-0c:1`. It is a text because
 * a popular product has more than a thousand reservations, and each change reads, validates and writes
 * all of them, here and in the store: with an array that takes ten times as long.
 */
export const Reservations = z.string().regex(/^(?: [\w-]{8}:[1-9]\d*)*$/);
export type Reservations = z.infer<typeof Reservations>;

export const NO_RESERVATIONS: Reservations = '';

/** The characters before a quantity: a space, the order key, a colon. */
const HEAD = 10;

/** The pieces that an order holds; undefined if it holds none. */
export function quantityHeldBy(all: Reservations, order: OrderKey): number | undefined {
  const at = all.indexOf(headOf(order));
  return at < 0 ? undefined : quantityAt(all, at);
}

export function addReservation(all: Reservations, order: OrderKey, quantity: number): Reservations {
  return `${all}${headOf(order)}${quantity}`;
}

export function removeReservation(all: Reservations, order: OrderKey): Reservations {
  const at = all.indexOf(headOf(order));
  return at < 0 ? all : all.slice(0, at) + all.slice(endOf(all, at));
}

/** The pieces that all orders hold. */
export function totalReserved(all: Reservations): number {
  let pieces = 0;
  for (let at = 0; at < all.length; at = endOf(all, at)) pieces += quantityAt(all, at);
  return pieces;
}

/** The reservations in the order in which they were made. */
export function listReservations(all: Reservations): { order: string; quantity: number }[] {
  const found = [];
  for (let at = 0; at < all.length; at = endOf(all, at)) {
    found.push({ order: all.slice(at + 1, at + HEAD - 1), quantity: quantityAt(all, at) });
  }
  return found;
}

function headOf(order: OrderKey): string {
  return ` ${order}:`;
}

function quantityAt(all: Reservations, at: number): number {
  return Number(all.slice(at + HEAD, endOf(all, at)));
}

function endOf(all: Reservations, at: number): number {
  const end = all.indexOf(' ', at + HEAD);
  return end < 0 ? all.length : end;
}
