import { accountOf, requireOwner } from '#kit/core/caller';
import { toTimestamp } from '#kit/core/timestamps';
import { PageRequest, validate } from '#kit/core/validation';
import type {
  GetOrderRequest,
  GetStoryRequest,
  ListOrdersRequest,
} from '#proto/retail/order/v1/order_pb';
import type { Context } from './definition';
import type { Order, Pickup, Return } from './domain';
import { ByOrderId } from './requests';

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
  const { channel, deliveryPrice, handledFrom, pickup, returns } = order;
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
    channel,
    ...(deliveryPrice && { deliveryPrice }),
    ...(handledFrom === undefined ? {} : { handledFrom: toTimestamp(handledFrom) }),
    ...(pickup && { pickup: toPickupMessage(pickup) }),
    returns: returns.map((one) => toReturnMessage(order, one)),
    createdAt: toTimestamp(createdAt),
    updatedAt: toTimestamp(updatedAt),
  };
}

function toPickupMessage({ status, readyAt, expiresAt, collectedAt }: Pickup) {
  return {
    status,
    ...(readyAt === undefined ? {} : { readyAt: toTimestamp(readyAt) }),
    ...(expiresAt === undefined ? {} : { expiresAt: toTimestamp(expiresAt) }),
    ...(collectedAt === undefined ? {} : { collectedAt: toTimestamp(collectedAt) }),
  };
}

/** A return as the buyer and the shop see it. */
export function toReturnMessage({ orderId, shopId }: Order, one: Return) {
  const { refund: _, createdAt, updatedAt, items, ...rest } = one;
  return {
    ...rest,
    orderId,
    shopId,
    items: items.map(({ productId, quantity, accepted, restocked }) => ({
      productId,
      quantity,
      ...(accepted === undefined ? {} : { accepted }),
      ...(restocked === undefined ? {} : { restocked }),
    })),
    createdAt: toTimestamp(createdAt),
    updatedAt: toTimestamp(updatedAt),
  };
}
