import { z } from 'zod';
import { Reason } from '#contracts/fields';
import { Id } from '#kit/core/validation';
import { Quantity } from '#retail/quantity';
import { Line } from '#retail/text';

const MAX_CHANGE = 1_000_000;

export const StockRequest = z.object({ shopId: Id, productId: Id });

export const AdjustmentRequest = StockRequest.extend({
  change: z
    .int()
    .min(-MAX_CHANGE)
    .max(MAX_CHANGE)
    .refine((change) => change !== 0, 'must not be 0'),
  reason: Line(1, 200),
  minimumStock: z.int().min(0).max(MAX_CHANGE).optional(),
});

export const SetStockRequest = StockRequest.extend({
  pieces: z.int().min(0).max(MAX_CHANGE),
  reason: Line(1, 200),
  minimumStock: z.int().min(0).max(MAX_CHANGE).optional(),
});

/**
 * The items of an order, merged by product. They are sorted, so that concurrent orders reserve products
 * in the same sequence.
 */
export const OrderRequest = z.object({
  orderId: Id,
  shopId: Id,
  items: z
    .array(z.object({ productId: Id, quantity: Quantity }))
    .min(1)
    .max(100)
    .transform(mergeItems),
});

export const TakeBackRequest = OrderRequest.extend({ returnId: Id });

export const ReleaseRequest = OrderRequest.extend({
  confirmed: z.boolean(),
  reason: Reason.default('order_cancelled'),
});

interface Item {
  productId: string;
  quantity: number;
}

function mergeItems(items: readonly Item[]): Item[] {
  const quantities = new Map<string, number>();
  for (const { productId, quantity } of items) {
    quantities.set(productId, (quantities.get(productId) ?? 0) + quantity);
  }
  return [...quantities]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([productId, quantity]) => ({ productId, quantity }));
}
