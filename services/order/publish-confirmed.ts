import { OrderConfirmed, OrderStatusUpdated } from '#contracts/order';
import type { Context } from './definition';
import { type Order, toEventPayload } from './domain';

/** An order is confirmed once: every execution that publishes it publishes the same event. */
const DEDUP_KEY = 'confirmed';

/**
 * Publishes that an order was confirmed. The cancellation of a confirmed order calls this too,
 * because the fulfilment may have crashed before it published.
 */
export async function publishConfirmed(order: Order, { publish }: Context): Promise<void> {
  const { orderId, userId } = order;
  await publish(OrderConfirmed, { ...toEventPayload(order), status: 'confirmed' }, DEDUP_KEY);
  const change = { status: 'confirmed', previousStatus: 'pending' } as const;
  await publish(OrderStatusUpdated, { orderId, userId, ...change }, DEDUP_KEY);
}
