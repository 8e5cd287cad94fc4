import { isoTime } from '#kit/core/clock';
import { refused } from '#kit/core/errors';
import type { SagaRecorder } from '#kit/saga/saga-steps';
import { OrderCancelled, OrderStatusUpdated } from '#contracts/order';
import { CancelOutcome } from '#proto/retail/delivery/v1/delivery_pb';
import { cancelled, toUndo } from './decisions';
import { type Order, type Undo, goods } from './domain';
import type { Context } from './definition';

/** Each is known by the order's id where it is asked: done by two at once, it is done once. */
const UNDO: Record<Undo, (order: Order, context: Context) => Promise<unknown>> = {
  cancel_delivery: cancelDelivery,
  refund: (order, { payment }) =>
    payment.refund({ target: { case: 'orderId', value: order.orderId }, reason: why(order) }),
  void: ({ orderId }, { payment }) => payment.void({ orderId }),
  release: (order, { inventory }) => inventory.release({ ...goods(order), reason: why(order) }),
  return: (order, { inventory }) =>
    inventory.release({ ...goods(order), reason: why(order), confirmed: true }),
};

/** What makes two sayings of it one event. */
const ONCE = 'cancelled';

/**
 * Ends an order that is being cancelled. Fulfilment and a buyer's cancellation may both come here:
 * what they undo is undone once, and what they say is one event, as an order is cancelled once.
 */
export async function unwind(
  order: Order,
  sagaRecorder: SagaRecorder,
  context: Context,
): Promise<void> {
  const { orders, publish, clock } = context;
  for (const undo of toUndo(order))
    await sagaRecorder.mandatoryStep(undo, () => UNDO[undo](order, context));

  const told = sagaRecorder.takeDelta();
  const { orderId, userId, shopId, confirmedAt } = order;
  await orders.update(orderId, (now = order) => cancelled(now, told, isoTime(clock)));
  await publish(OrderCancelled, { orderId, userId, shopId, reason: why(order) }, ONCE);
  const previousStatus = confirmedAt === undefined ? 'pending' : 'confirmed';
  const change = { status: 'cancelled', previousStatus } as const;
  await publish(OrderStatusUpdated, { orderId, userId, ...change }, ONCE);
}

/** Throws FAILED_PRECONDITION where it is too late. */
export async function cancelDelivery({ orderId }: Order, { delivery }: Context): Promise<void> {
  const { outcome, reason } = await delivery.cancel({ orderId });
  if (outcome === CancelOutcome.REFUSED) {
    throw refused(reason, 'the delivery can no longer be cancelled');
  }
}

/** Every order that comes here has its reason. */
function why({ reason = 'cancelled' }: Order): string {
  return reason;
}
