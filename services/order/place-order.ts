import { accountOf } from '#kit/core/caller';
import { isoTime } from '#kit/core/clock';
import { Code, MicroserviceError } from '#kit/core/errors';
import { deterministicId } from '#kit/core/deterministic-id';
import { IDEMPOTENCY_SECONDS, idempotencyKeyReused } from '#kit/delivery/idempotency-store';
import { PlaceOrder } from '#contracts/order';
import type { PlaceOrderRequest } from '#proto/retail/order/v1/order_pb';
import type { Context } from './definition';
import type { Order } from './domain';
import { priceOrder } from './price-order';
import { toMessage } from './queries';
import { type OrderRequest, validateOrder } from './requests';
import { newOrder } from './transitions';

/**
 * Stores the order at the shop's prices of now, publishes the command to fulfil it, and waits for the
 * outcome. The command holds only the orderId: address and payment token never travel in events.
 */
export async function placeOrder(message: PlaceOrderRequest, context: Context) {
  const { orders, newId, beginCommand, dispatchAndWait, caller } = context;
  if (caller.userId === '') {
    throw new MicroserviceError('Sign in to place an order.', Code.UNAUTHENTICATED);
  }
  const request = validateOrder(message);
  // computed from the Idempotency-Key: a repeated request finds the order of the first
  const orderId = newId('order');
  const fingerprint = deterministicId(accountOf(caller), JSON.stringify(fingerprintOf(request)));
  const existing = await orders.get(orderId);
  const order = existing ?? (await storeNewOrder(orderId, fingerprint, request, context));
  if (order.fingerprint !== fingerprint) {
    throw idempotencyKeyReused();
  }
  if (order.status === 'confirmed' || order.status === 'cancelled') return toMessage(order);
  if (existing !== undefined) {
    await beginCommand(PlaceOrder, { orderId }, 'orders', orderId);
    // an earlier request may have let it expire, because it could not publish the command
    await orders.clearExpiry(orderId);
  }
  const read = () => orders.get(orderId);
  const ended = await dispatchAndWait(PlaceOrder, { orderId }, read, () =>
    expireIfPending(orderId, context),
  );
  return toMessage(ended ?? order);
}

/**
 * Runs if the command could not be published. The order expires unless the client retries within the
 * lifetime of its Idempotency-Key. If the command reached the bus all the same, its handler clears
 * the expiry.
 */
async function expireIfPending(orderId: string, { orders }: Context): Promise<void> {
  await orders.expireIfAbandoned(
    orderId,
    IDEMPOTENCY_SECONDS,
    ({ status }) => status === 'pending',
  );
}

async function storeNewOrder(
  orderId: string,
  fingerprint: string,
  request: OrderRequest,
  context: Context,
): Promise<Order> {
  const { orders, beginCommand, clock, caller } = context;
  const at = isoTime(clock);
  const began = clock.now();
  const priced = await priceOrder(request, context);
  const step = { step: 'place', outcome: 'done', at, ms: Math.round(clock.now() - began) };
  await beginCommand(PlaceOrder, { orderId }, 'orders', orderId);
  return orders.update(
    orderId,
    (current) =>
      current ??
      newOrder({ orderId, userId: accountOf(caller), fingerprint, request, priced, step }),
  );
}

/** Without the default channel, as before orders had one: a retry may reach another release. */
function fingerprintOf({ channel, ...request }: OrderRequest) {
  return channel === 'online' ? request : { ...request, channel };
}
