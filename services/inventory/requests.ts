import { z } from 'zod';
import { Reason } from '#contracts/fields';
import { Id, Text } from '#kit/core/validation';
import { Quantity } from '#retail/quantity';

const MOST_AT_ONCE = 1_000_000;

export const PlaceRequest = z.object({ shopId: Id, productId: Id });

export const AdjustmentRequest = PlaceRequest.extend({
  change: z
    .int()
    .min(-MOST_AT_ONCE)
    .max(MOST_AT_ONCE)
    .refine((change) => change !== 0, 'must not be 0'),
  reason: Text(1, 200),
  minimumStock: z.int().min(0).max(MOST_AT_ONCE).optional(),
});

/** What an order asks of a stock: each product once, in the order in which all orders take them. */
export const OrderRequest = z.object({
  orderId: Id,
  shopId: Id,
  items: z
    .array(z.object({ productId: Id, quantity: Quantity }))
    .min(1)
    .max(100)
    .transform(merged),
});

export const ReleaseRequest = OrderRequest.extend({
  confirmed: z.boolean(),
  reason: Reason.default('order_cancelled'),
});

interface Item {
  productId: string;
  quantity: number;
}

function merged(items: readonly Item[]): Item[] {
  const quantities = new Map<string, number>();
  for (const { productId, quantity } of items) {
    quantities.set(productId, (quantities.get(productId) ?? 0) + quantity);
  }
  return [...quantities]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([productId, quantity]) => ({ productId, quantity }));
}
