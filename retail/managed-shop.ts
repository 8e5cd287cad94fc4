import type { Caller } from '#kit/core/caller';

/** The part of the shop service's client that answers the question. */
export interface ManagedShops {
  mayManage(request: { shopId: string; productId?: string }): Promise<{
    readonly allowed: boolean;
    readonly unknown?: string | undefined;
  }>;
}

/**
 * Whether the caller may change what belongs to a shop, such as its stock or its deliveries: an admin
 * or a seller of the shop.
 *
 * Only a seller's rights need a call of the shop service. Its answer is not cached, so that a seller who
 * is removed from a shop loses the right immediately.
 */
export async function mayManageShop(
  caller: Caller,
  shopId: string,
  shop: ManagedShops,
): Promise<boolean> {
  if (caller.role === 'admin') return true;
  return caller.role === 'seller' && (await shop.mayManage({ shopId })).allowed;
}
