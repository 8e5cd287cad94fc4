import { toTimestamp } from '#kit/core/timestamps';
import { z } from 'zod';
import { requireOwner } from '#kit/core/caller';
import { Id, PageRequest, validate } from '#kit/core/validation';
import type {
  GetOrderRequest,
  GetStoryRequest,
  ListOrdersRequest,
} from '#proto/retail/order/v1/order_pb';
import type { Order } from './domain';
import type { Context } from './definition';

export async function getOrder(request: GetOrderRequest, context: Context) {
  return toMessage(await asked(request, context));
}

/** The caller's own, whoever they are. */
export async function listOrders(request: ListOrdersRequest, context: Context) {
  const { page, limit } = validate(PageRequest, request);
  const { orders, lists, caller } = context;
  const { items: ids, total } = await lists.byUser.page(caller.userId, page, limit);
  const found = await Promise.all(ids.map((id) => orders.get(id)));
  const items = found.filter((order) => order !== undefined).map(toMessage);
  return { items, page, limit, total };
}

/** Of a pending order, what is known: the rest comes with its decision. */
export async function getStory(request: GetStoryRequest, context: Context) {
  const { orderId, story } = await asked(request, context);
  return {
    orderId,
    steps: story.steps.map((step) => ({ ...step, at: toTimestamp(step.at) })),
    events: story.events.map((event) => ({ ...event, at: toTimestamp(event.at) })),
  };
}

const OneOrder = z.object({ orderId: Id });

export async function asked(
  request: { orderId: string },
  { orders, caller }: Context,
): Promise<Order> {
  const { orderId } = validate(OneOrder, request);
  return requireOwner(caller, await orders.get(orderId), 'order');
}

/** An order as its buyer sees it. */
export function toMessage(order: Order) {
  const { orderId, status, items, totalAmount, shopId, userId } = order;
  const { reason, paymentId, deliveryId, createdAt, updatedAt } = order;
  return {
    ...{ orderId, status, items, totalAmount, shopId, userId },
    ...(reason === undefined ? {} : { reason }),
    ...(paymentId === undefined ? {} : { paymentId }),
    ...(deliveryId === undefined ? {} : { deliveryId }),
    createdAt: toTimestamp(createdAt),
    updatedAt: toTimestamp(updatedAt),
  };
}
