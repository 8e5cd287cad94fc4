import type { SetStockRequest as SetStockMessage } from '#proto/retail/inventory/v1/inventory_pb';
import { requireRole } from '#kit/core/caller';
import { validate } from '#kit/core/validation';
import { toMessage } from './adjust';
import { changeStockAsReported } from './change-stock';
import type { Context } from './definition';
import { keyOf } from './domain';
import { requireManagedStock } from './known-stock';
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
  await requireManagedStock(caller, count, await stocks.get(keyOf(count)), shop);
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
