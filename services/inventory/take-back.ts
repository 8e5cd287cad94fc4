import type { TakeBackRequest as TakeBackMessage } from '#proto/retail/inventory/v1/inventory_pb';
import { requireRole } from '#kit/core/caller';
import { validate } from '#kit/core/validation';
import { changeStock } from './change-stock';
import type { Context } from './definition';
import { adjust } from './domain';
import { TakeBackRequest } from './requests';

/**
 * Adds returned pieces to the stock, once for each return. They count as received: the sale that they come
 * from stays a sale.
 */
export async function takeBack(request: TakeBackMessage, context: Context) {
  requireRole(context.caller, 'service');
  const { returnId, orderId, shopId, items } = validate(TakeBackRequest, request);
  const deduplication = { dedupKey: `returned ${returnId}`, final: true };
  for (const { productId, quantity } of items) {
    const reason = { reason: 'returned', orderId };
    await changeStock(context, { shopId, productId }, reason, deduplication, (stock) =>
      adjust(stock, { adjustmentId: returnId, change: quantity }),
    );
  }
  return {};
}
