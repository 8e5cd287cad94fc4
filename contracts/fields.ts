import { z } from 'zod';

// Fields that the events of several services share. Any service may subscribe to an event, so an event
// contains ids and codes only: no secrets, no personal data, no text that a customer wrote.

export const EntityId = z.string().min(1).max(128);

export const Time = z.iso.datetime();

export const Quantity = z.int().positive();

/** A product of an order, and its quantity in pieces. */
export const Item = z.object({ productId: EntityId, quantity: Quantity });

/** A reason as a code that programs can compare, such as `out_of_stock`. */
export const Reason = z
  .string()
  .max(64)
  .regex(/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/, 'must be a code such as out_of_stock');
