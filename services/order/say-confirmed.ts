import { OrderConfirmed, OrderStatusUpdated } from '#contracts/order';
import { type Order, facts } from './domain';
import type { Context } from './definition';

/** What makes two sayings of it one event. */
const ONCE = 'confirmed';

/**
 * An order is confirmed once: said by its fulfilment, and by a cancellation that comes upon it, as
 * the fulfilment may have died before it said so.
 */
export async function sayConfirmed(order: Order, { publish }: Context): Promise<void> {
  const { orderId, userId } = order;
  await publish(OrderConfirmed, { ...facts(order), status: 'confirmed' }, ONCE);
  const change = { status: 'confirmed', previousStatus: 'pending' } as const;
  await publish(OrderStatusUpdated, { orderId, userId, ...change }, ONCE);
}
