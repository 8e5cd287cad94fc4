import { z } from 'zod';
import { isoTime } from '#kit/core/clock';
import { notFound, stillInProgress } from '#kit/core/errors';
import { requirePrecondition } from '#kit/core/precondition';
import { validate } from '#kit/core/validation';
import type { EventData } from '#kit/messages/contract';
import { CancelOrder, PickupUpdated, UpdatePickup } from '#contracts/order';
import type { ListPickupsRequest, UpdatePickupRequest } from '#proto/retail/order/v1/order_pb';
import type { Context } from './definition';
import { requireManagedOrder, requireManagedShop } from './managed-order';
import { isWaiting, withPickupStatus } from './pickup';
import { toMessage } from './queries';
import { PickupUpdate, ShopPage } from './requests';

/**
 * Marks an order as ready or collected by a command, for an admin or a seller of the shop. Only the command
 * checks whether the step is allowed: a repeated request finds the step made.
 */
export async function updatePickup(request: UpdatePickupRequest, context: Context) {
  const { orders, callContext, dispatchAndWait, precondition } = context;
  const update = validate(PickupUpdate, request);
  const before = await requireManagedOrder(update.orderId, context);
  const command = { ...update, precondition };
  const after = await dispatchAndWait(UpdatePickup, command, () => orders.get(update.orderId));
  if (after === undefined && !callContext.respondAsync) throw stillInProgress('the update');
  return toMessage(after ?? before);
}

/** Handles UpdatePickup. */
export async function advancePickup(
  { orderId, status, precondition }: EventData<typeof UpdatePickup>,
  context: Context,
): Promise<void> {
  const { orders, lists, jobs, publish, clock, caller } = context;
  const { document, outcome } = await orders.decide(orderId, (current) => {
    if (current === undefined) throw notFound('order');
    requirePrecondition(precondition, current);
    const next = withPickupStatus(current, status, isoTime(clock));
    return { document: next, outcome: next.pickup.expiresAt };
  });
  const { userId, shopId } = document;
  const ready = status === 'ready' && outcome !== undefined;
  if (ready) {
    const data = { tenantId: caller.tenantId, orderId };
    await jobs.once(EXPIRY_JOB, orderId, outcome, data);
  }
  if (status === 'collected') await lists.pickups.remove(shopId, orderId);
  const expiry = ready ? { expiresAt: outcome } : {};
  await publish(PickupUpdated, { orderId, userId, shopId, status, ...expiry }, status);
}

export const EXPIRY_JOB = 'pickup-expiry';
export const PickupExpiry = z.object({ tenantId: z.string(), orderId: z.string() });

/**
 * The job of a ready order, due when it expires: cancels it unless it was collected. The cancellation
 * decides, so that a buyer who collects at the same moment comes before it or after it.
 */
export async function expirePickup(
  { tenantId, orderId }: z.output<typeof PickupExpiry>,
  platformContext: Context,
): Promise<void> {
  const { orders, publish } = platformContext.forTenant(tenantId);
  const order = await orders.get(orderId);
  if (order === undefined || !isWaiting(order)) return;
  const reason = 'pickup_expired';
  await publish(CancelOrder, { orderId, userId: order.userId, reason }, reason);
}

/** The orders for pickup that wait in a shop, newest first. */
export async function listPickups(request: ListPickupsRequest, context: Context) {
  const { orders, lists } = context;
  const { shopId, page, limit } = validate(ShopPage, request);
  await requireManagedShop(shopId, context);
  const { items: ids, total } = await lists.pickups.page(shopId, page, limit);
  const found = await Promise.all(ids.map((id) => orders.get(id)));
  // a redelivery may have listed an order again that was collected since
  const waiting = found.flatMap((order) => (order !== undefined && isWaiting(order) ? order : []));
  const items = waiting.map(toMessage);
  return { items, page, limit, total };
}
