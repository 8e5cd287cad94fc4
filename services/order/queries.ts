import { z } from 'zod';
import { accountOf, requireOwner } from '#kit/core/caller';
import { toTimestamp } from '#kit/core/timestamps';
import { Id, PageRequest, validate } from '#kit/core/validation';
import type {
  GetOrderRequest,
  GetStoryRequest,
  ListOrdersRequest,
} from '#proto/retail/order/v1/order_pb';
import type { Context } from './definition';
import type { Order } from './domain';

export async function getOrder(request: GetOrderRequest, context: Context) {
  return toMessage(await findOwnOrder(request, context));
}

/** The caller's own orders, for admins too; those of its user for an API key that acts on behalf of one. */
export async function listOrders(request: ListOrdersRequest, context: Context) {
  const { page, limit } = validate(PageRequest, request);
  const { orders, lists, caller } = context;
  const { items: ids, total } = await lists.byUser.page(accountOf(caller), page, limit);
  const found = await Promise.all(ids.map((id) => orders.get(id)));
  const items = found.filter((order) => order !== undefined).map(toMessage);
  return { items, page, limit, total };
}

/** The saga log. While an order is pending it has the first step only: the decision adds the rest. */
export async function getStory(request: GetStoryRequest, context: Context) {
  const { orderId, story } = await findOwnOrder(request, context);
  return {
    orderId,
    steps: story.steps.map((step) => ({ ...step, at: toTimestamp(step.at) })),
    events: story.events.map((event) => ({ ...event, at: toTimestamp(event.at) })),
  };
}

const ByOrderId = z.object({ orderId: Id });

/** The order of the request. Throws NOT_FOUND if there is none or the caller may not see it. */
export async function findOwnOrder(
  request: { orderId: string },
  { orders, caller }: Context,
): Promise<Order> {
  const { orderId } = validate(ByOrderId, request);
  return requireOwner(caller, await orders.get(orderId), 'order');
}

/** An order as its buyer sees it: without payment token and address. */
export function toMessage(order: Order) {
  const { orderId, status, items, totalAmount, shopId, userId } = order;
  const { reason, paymentId, deliveryId, createdAt, updatedAt } = order;
  return {
    orderId,
    status,
    items,
    totalAmount,
    shopId,
    userId,
    ...(reason === undefined ? {} : { reason }),
    ...(paymentId === undefined ? {} : { paymentId }),
    ...(deliveryId === undefined ? {} : { deliveryId }),
    createdAt: toTimestamp(createdAt),
    updatedAt: toTimestamp(updatedAt),
  };
}
