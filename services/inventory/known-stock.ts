import type { Caller } from '#kit/core/caller';
import { Code, MicroserviceError } from '#kit/core/errors';
import type { ManagedShops } from '#retail/managed-shop';
import { type Stock, type StockId, hasHistory } from './domain';

/** Whether pieces were ever counted in this stock: then its shop and its product exist. */
export function isKnown(stock: Stock | undefined): boolean {
  return stock !== undefined && hasHistory(stock);
}

/**
 * Throws NOT_FOUND if the shop or the product does not exist, and PERMISSION_DENIED unless the caller is an
 * admin or a seller of the shop. Only for a seller, and for the first pieces of a stock, does it
 * call the shop service.
 */
export async function requireManagedStock(
  caller: Caller,
  { shopId, productId }: StockId,
  stock: Stock | undefined,
  shop: ManagedShops,
): Promise<void> {
  const isAdmin = caller.role === 'admin';
  if (isAdmin && isKnown(stock)) return;
  const { allowed, unknown } = await shop.mayManage({ shopId, productId });
  if (unknown !== undefined) {
    throw new MicroserviceError(`${unknown} not found`, Code.NOT_FOUND, {
      reason: `${unknown}_not_found`,
    });
  }
  if (allowed || isAdmin) return;
  throw new MicroserviceError('the shop belongs to another seller', Code.PERMISSION_DENIED);
}
