import { mayAccess, requireRole } from '#kit/core/caller';
import { Code, MicroserviceError, notFound } from '#kit/core/errors';
import { mayManageShop } from '#retail/managed-shop';
import type { Context } from './definition';
import type { Order } from './domain';

/**
 * Returns an order for an admin or a seller of its shop. Throws NOT_FOUND also for an order of another shop,
 * so that its existence is not revealed.
 */
export async function requireManagedOrder(orderId: string, context: Context): Promise<Order> {
  const { orders, caller, shop } = context;
  requireRole(caller, 'seller', 'admin');
  const order = await orders.get(orderId);
  if (order === undefined) throw notFound('order');
  if (!(await mayManageShop(caller, order.shopId, shop))) throw notFound('order');
  return order;
}

/** As requireManagedOrder, and for the buyer of the order. */
export async function requireConcernedOrder(orderId: string, context: Context): Promise<Order> {
  const { orders, caller } = context;
  const order = await orders.get(orderId);
  if (order !== undefined && mayAccess(caller, order.userId)) return order;
  if (caller.role !== 'seller') throw notFound('order');
  return requireManagedOrder(orderId, context);
}

/** Throws PERMISSION_DENIED unless the caller is an admin or a seller of the shop. */
export async function requireManagedShop(shopId: string, { caller, shop }: Context): Promise<void> {
  requireRole(caller, 'seller', 'admin');
  if (await mayManageShop(caller, shopId, shop)) return;
  throw new MicroserviceError('the shop belongs to another seller', Code.PERMISSION_DENIED);
}
