import { z } from 'zod';

// Fields that events of several owners have. An event goes to whoever may listen, so it holds ids
// and codes only: nothing secret, nothing personal, no text that a customer wrote.

export const EntityId = z.string().min(1).max(128);

export const Time = z.iso.datetime();

export const Quantity = z.int().positive();

/** So many pieces of a product, of an order. */
export const Item = z.object({ productId: EntityId, quantity: Quantity });

/** Why something came about, for programs: `out_of_stock`. */
export const Reason = z
  .string()
  .max(64)
  .regex(/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/, 'must be a code such as out_of_stock');
