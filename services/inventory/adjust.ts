import type { MessageInitShape } from '@bufbuild/protobuf';
import type {
  AdjustStockRequest,
  GetStockRequest,
  StockSchema,
} from '#proto/retail/inventory/v1/inventory_pb';
import { AdjustStock } from '#contracts/inventory';
import { requireRole } from '#kit/core/caller';
import type { EventData } from '#kit/messages/contract';
import { notFound, refused, stillInProgress } from '#kit/core/errors';
import { validate } from '#kit/core/validation';
import { changeStock } from './change-stock';
import type { Context } from './definition';
import { isDoubtful } from './device-reports';
import { requireManagedStock } from './known-stock';
import { type Stock, adjust, adjustOrDecline, emptyStock, hasHistory, keyOf } from './domain';
import { AdjustmentRequest, StockRequest } from './requests';

export async function getStock(request: GetStockRequest, context: Context) {
  const stock = await context.stocks.get(keyOf(validate(StockRequest, request)));
  if (stock === undefined || !hasHistory(stock)) throw notFound('stock');
  const message = toMessage(stock);
  return (await isDoubtful(stock, context)) ? { ...message, doubtful: true } : message;
}

/**
 * Adjusts a stock by a command, for an admin or a seller of the shop. The command itself is not checked
 * again: only this service publishes it.
 */
export async function adjustStock(request: AdjustStockRequest, context: Context) {
  const { caller, callContext, stocks, shop, dispatchAndWait, newId } = context;
  requireRole(caller, 'seller', 'admin');
  const adjustment = {
    ...validate(AdjustmentRequest, request),
    adjustmentId: newId('adjustment'),
  };
  const known = await stocks.get(keyOf(adjustment));
  await requireManagedStock(caller, adjustment, known, shop);
  const read = async () => (await stocks.get(keyOf(adjustment))) ?? emptyStock(adjustment);
  // refuses most impossible adjustments without a command
  adjust(known ?? emptyStock(adjustment), adjustment);
  const stock = await dispatchAndWait(AdjustStock, adjustment, read);
  if (stock === undefined && !callContext.respondAsync) {
    throw stillInProgress('the adjustment');
  }
  return toMessage(stock ?? (await read()));
}

/** Adjusts a stock, once for each adjustment. */
export async function applyAdjustment(adjustment: EventData<typeof AdjustStock>, context: Context) {
  const { reason, adjustmentId } = adjustment;
  const deduplication = { dedupKey: adjustmentId, final: true };
  const { declined } = await changeStock(context, adjustment, { reason }, deduplication, (stock) =>
    adjustOrDecline(stock, adjustment),
  );
  if (declined !== undefined) throw refused(declined.reason, declined.message);
}

/** A stock as the API returns it. */
export function toMessage(stock: Stock): MessageInitShape<typeof StockSchema> {
  const { shopId, productId, available, reserved, minimumStock } = stock;
  return { shopId, productId, available, reserved, minimumStock };
}
