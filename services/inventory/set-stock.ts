import type { SetStockRequest as SetStockMessage } from '#proto/retail/inventory/v1/inventory_pb';
import { requireRole } from '#kit/core/caller';
import { Code, MicroserviceError } from '#kit/core/errors';
import { validate } from '#kit/core/validation';
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
  const { clock, caller, stocks, newId, log } = context;
  const count = { ...validate(SetStockRequest, request), countId: newId('count') };
  const { shopId, productId, pieces, reason, countId } = count;
  await requireManager(shopId, context);
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

/** Throws PERMISSION_DENIED unless the caller is an admin, a service, or a seller of the shop. */
async function requireManager(shopId: string, { caller, shop }: Context): Promise<void> {
  requireRole(caller, 'seller', 'admin', 'service');
  if (caller.role !== 'seller') return;
  // the shop service shows its sellers to themselves and to admins only
  const { sellerIds } = await shop.getShop({ shopId });
  if (sellerIds.includes(caller.userId)) return;
  throw new MicroserviceError('the shop belongs to another seller', Code.PERMISSION_DENIED);
}
