import { isoTime } from '#kit/core/clock';
import type { SagaRecorder } from '#kit/saga/saga-steps';
import { OrderCancelled, OrderStatusUpdated } from '#contracts/order';
import { CancelOutcome } from '#proto/retail/delivery/v1/delivery_pb';
import type { Context } from './definition';
import { type Compensation, type Order, toReservation } from './domain';
import { completeCancellation, pendingCompensations, tooLateToCancel } from './transitions';

/** Each is idempotent by orderId in the called service, so two concurrent calls take effect once. */
const COMPENSATIONS: Record<Compensation, (order: Order, context: Context) => Promise<unknown>> = {
  cancel_delivery: (order, context) => cancelDelivery(order, true, context),
  refund: (order, { payment }) =>
    payment.refund({ target: { case: 'orderId', value: order.orderId }, reason: reasonOf(order) }),
  void: ({ orderId }, { payment }) => payment.void({ orderId }),
  release: (order, { inventory }) =>
    inventory.release({ ...toReservation(order), reason: reasonOf(order) }),
  return: (order, { inventory }) =>
    inventory.release({ ...toReservation(order), reason: reasonOf(order), confirmed: true }),
};

/** An order is cancelled once: every execution that publishes it publishes the same event. */
const DEDUP_KEY = 'cancelled';

/**
 * Completes the cancellation of an order. Both a failed fulfilment and a buyer's cancellation may
 * run this for the same order: each compensation takes effect once, and the events are the same.
 */
export async function compensate(
  order: Order,
  sagaRecorder: SagaRecorder,
  context: Context,
): Promise<void> {
  const { orders, publish, clock } = context;
  for (const compensation of pendingCompensations(order)) {
    await sagaRecorder.mandatoryStep(compensation, () =>
      COMPENSATIONS[compensation](order, context),
    );
  }

  const sagaLogDelta = sagaRecorder.takeDelta();
  const { orderId, userId, shopId, confirmedAt, pickup } = order;
  await orders.update(orderId, (current = order) =>
    completeCancellation(current, sagaLogDelta, isoTime(clock)),
  );
  if (pickup !== undefined) await context.lists.pickups.remove(shopId, orderId);
  await publish(OrderCancelled, { orderId, userId, shopId, reason: reasonOf(order) }, DEDUP_KEY);
  const previousStatus = confirmedAt === undefined ? 'pending' : 'confirmed';
  const change = { status: 'cancelled', previousStatus } as const;
  await publish(OrderStatusUpdated, { orderId, userId, ...change }, DEDUP_KEY);
}

/**
 * Throws FAILED_PRECONDITION if the parcel has left the shop; with `recall` only once it was delivered.
 */
export async function cancelDelivery(
  { orderId }: Order,
  recall: boolean,
  { delivery }: Context,
): Promise<void> {
  const { outcome, reason } = await delivery.cancel({ orderId, recall });
  if (outcome === CancelOutcome.REFUSED) throw tooLateToCancel(reason);
}

/** An order that is being cancelled always has a reason; the default satisfies the type. */
function reasonOf({ reason = 'cancelled' }: Order): string {
  return reason;
}
