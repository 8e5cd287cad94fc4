import { z } from 'zod';
import type { OrderKey } from './domain';

/**
 * The orders that hold pieces, each with how many: ` hQ3k9_Ab:2 x81mZ-0c:1`. A text, as a stock in
 * great demand has more than a thousand of them, and each change has them all read, checked and
 * written, here and by whatever keeps the document: of a list that takes ten times as long.
 */
export const Reservations = z.string().regex(/^(?: [\w-]{8}:[1-9]\d*)*$/);
export type Reservations = z.infer<typeof Reservations>;

export const NONE: Reservations = '';

/** Before the number of pieces: a space, the order, a colon. */
const HEAD = 10;

/** How many pieces an order holds; undefined for none. */
export function heldBy(all: Reservations, order: OrderKey): number | undefined {
  const at = all.indexOf(headOf(order));
  return at < 0 ? undefined : quantityAt(all, at);
}

export function withHeld(all: Reservations, order: OrderKey, quantity: number): Reservations {
  return `${all}${headOf(order)}${quantity}`;
}

export function without(all: Reservations, order: OrderKey): Reservations {
  const at = all.indexOf(headOf(order));
  return at < 0 ? all : all.slice(0, at) + all.slice(endOf(all, at));
}

/** How many pieces are held in all. */
export function sum(all: Reservations): number {
  let pieces = 0;
  for (let at = 0; at < all.length; at = endOf(all, at)) pieces += quantityAt(all, at);
  return pieces;
}

/** Who holds pieces, in the order in which they came. */
export function holders(all: Reservations): { order: string; quantity: number }[] {
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
