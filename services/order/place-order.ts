import { isoTime } from '#kit/core/clock';
import { Code, MicroserviceError, invalid } from '#kit/core/errors';
import { deterministicId } from '#kit/core/deterministic-id';
import { IDEMPOTENCY_SECONDS, idempotencyKeyReused } from '#kit/delivery/idempotency-store';
import { validate } from '#kit/core/validation';
import { PlaceOrder } from '#contracts/order';
import type { PlaceOrderRequest } from '#proto/retail/order/v1/order_pb';
import { toMessage } from './answers';
import { placed } from './decisions';
import { type Order, priced } from './domain';
import { OrderRequest } from './requests';
import type { Context } from './definition';

/**
 * Keeps what was ordered, at today's prices, and gives the command to fulfil it. The command names
 * the order and nothing else: where it is brought and how it is paid for is no event's business.
 */
export async function placeOrder(request: PlaceOrderRequest, context: Context) {
  const { orders, newId, dispatchAndWait, caller } = context;
  if (caller.userId === '') {
    throw new MicroserviceError('orders are for who is logged in', Code.UNAUTHENTICATED);
  }
  const wanted = validate(OrderRequest, request);
  // the same request asked again is the same order: its id comes from the Idempotency-Key
  const orderId = newId('order');
  const fingerprint = deterministicId(caller.userId, JSON.stringify(wanted));
  const before = await orders.get(orderId);
  const order = before ?? (await place(orderId, fingerprint, wanted, context));
  if (order.fingerprint !== fingerprint) {
    throw idempotencyKeyReused();
  }
  if (order.status === 'confirmed' || order.status === 'cancelled') return toMessage(order);
  // asked for again, it is wanted after all
  if (before !== undefined) await orders.clearExpiry(orderId);
  const read = () => orders.get(orderId);
  const now = await dispatchAndWait(PlaceOrder, { orderId }, read, () => letGo(orderId, context));
  return toMessage(now ?? order);
}

/**
 * Where nobody is known to have been told of an order, and nobody asks for it again while they may,
 * nothing of it stays. The command may be on its way even so: whoever carries it out keeps the order.
 */
async function letGo(orderId: string, { orders }: Context): Promise<void> {
  await orders.expireIfAbandoned(
    orderId,
    IDEMPOTENCY_SECONDS,
    ({ status }) => status === 'pending',
  );
}

async function place(
  orderId: string,
  fingerprint: string,
  wanted: OrderRequest,
  context: Context,
): Promise<Order> {
  const { orders, clock, caller } = context;
  const at = isoTime(clock);
  const began = clock.now();
  const purchase = priced(wanted.items, await askPrices(wanted.items, context));
  const step = { step: 'place', outcome: 'done', at, ms: Math.round(clock.now() - began) };
  return orders.update(
    orderId,
    (now) => now ?? placed({ orderId, userId: caller.userId, fingerprint, wanted, purchase, step }),
  );
}

async function askPrices(items: OrderRequest['items'], { product }: Context) {
  const productIds = items.map(({ productId }) => productId);
  try {
    const { prices } = await product.priceItems({ productIds });
    return new Map(prices.map(({ productId, price }) => [productId, price]));
  } catch (error) {
    if (!(error instanceof MicroserviceError) || error.code !== Code.NOT_FOUND) throw error;
    // to the catalogue it is not there; to whoever ordered, a field of the request is wrong
    const index = productIds.findIndex((id) => id === error.details['productId']);
    throw invalid(index < 0 ? 'items' : `items.${index}.productId`, 'is no product');
  }
}
