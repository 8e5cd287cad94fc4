import type { SetStockRequest as SetStockMessage } from '#proto/retail/inventory/v1/inventory_pb';
import { requireRole } from '#kit/core/caller';
import { Code, MicroserviceError } from '#kit/core/errors';
import { validate } from '#kit/core/validation';
import { mayManageShop } from '#retail/managed-shop';
import { toMessage } from './adjust';
import { changeStockAsReported } from './change-stock';
import type { Context } from './definition';
import { keyOf } from './domain';
import { setPieces } from './reconciliation';
import { SetStockRequest } from './requests';

/**
 * Sets a stock to the pieces that a person counted, once for each request. It repairs a stock that reports
 * of devices have made wrong: it needs no agreement with them.
 */
export async function setStock(request: SetStockMessage, context: Context) {
  const { clock, caller, stocks, shop, newId, log } = context;
  requireRole(caller, 'seller', 'admin');
  const count = { ...validate(SetStockRequest, request), countId: newId('count') };
  const { shopId, productId, pieces, reason, countId } = count;
  if (!(await mayManageShop(caller, shopId, shop))) {
    throw new MicroserviceError('the shop belongs to another seller', Code.PERMISSION_DENIED);
  }
  await changeStockAsReported(
    context,
    { shopId, productId },
    { reason },
    { dedupKey: countId, final: true },
    (stock) => setPieces(stock, count, clock.now()),
  );
  // an unchanged number of available pieces is no event, so the log has the reason in any case
  log.info({ shopId, productId, pieces, reason, userId: caller.userId }, 'stock set by hand');
  return toMessage(await stocks.getOrThrow(keyOf({ shopId, productId })));
}
