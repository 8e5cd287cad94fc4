import type { MessageInitShape } from '@bufbuild/protobuf';
import type {
  AdjustStockRequest,
  GetStockRequest,
  StockSchema,
} from '#proto/retail/inventory/v1/inventory_pb';
import { AdjustStock } from '#contracts/inventory';
import { requireRole } from '#kit/core/caller';
import type { EventData } from '#kit/messages/contract';
import { Code, MicroserviceError, notFound, refused } from '#kit/core/errors';
import { validate } from '#kit/core/validation';
import { changeStock } from './change-stock';
import { isDoubtful } from './devices';
import { type Stock, adjust, adjustOrDecline, emptyStock, isKnown, keyOf } from './domain';
import { AdjustmentRequest, PlaceRequest } from './requests';
import type { Context } from './definition';

export async function getStock(request: GetStockRequest, context: Context) {
  const stock = await context.stocks.get(keyOf(validate(PlaceRequest, request)));
  if (stock === undefined || !isKnown(stock)) throw notFound('stock');
  const message = toMessage(stock);
  return (await isDoubtful(stock, context)) ? { ...message, doubtful: true } : message;
}

export async function adjustStock(request: AdjustStockRequest, context: Context) {
  const { caller, callContext, stocks, dispatchAndWait, newId } = context;
  requireRole(caller, 'seller', 'admin', 'service');
  const wanted = { ...validate(AdjustmentRequest, request), adjustmentId: newId('adjustment') };
  const present = async () => (await stocks.get(keyOf(wanted))) ?? emptyStock(wanted);
  // most of what is refused needs no command
  adjust(await present(), wanted);
  const stock = await dispatchAndWait(AdjustStock, wanted, present);
  if (stock === undefined && !callContext.respondAsync) {
    throw new MicroserviceError(
      'the stock will be adjusted, but it takes longer than usual; ask again under the same key',
      Code.DEADLINE_EXCEEDED,
    );
  }
  return toMessage(stock ?? (await present()));
}

/** Adjusts a stock, once for each adjustment. */
export async function carryOut(wanted: EventData<typeof AdjustStock>, context: Context) {
  const { reason, adjustmentId } = wanted;
  const once = { fact: adjustmentId, final: true };
  const { declined } = await changeStock(context, wanted, { reason }, once, (stock) =>
    adjustOrDecline(stock, wanted),
  );
  if (declined !== undefined) throw refused(declined.reason, declined.message);
}

function toMessage(stock: Stock): MessageInitShape<typeof StockSchema> {
  const { shopId, productId, available, reserved, minimumStock } = stock;
  return { shopId, productId, available, reserved, minimumStock };
}
