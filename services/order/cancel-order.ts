import { z } from 'zod';
import { requireOwner, requireRole } from '#kit/core/caller';
import { isoTime } from '#kit/core/clock';
import { stillInProgress } from '#kit/core/errors';
import type { EventData } from '#kit/messages/contract';
import { SagaRecorder } from '#kit/saga/saga-steps';
import { Id, validate } from '#kit/core/validation';
import { Reason } from '#contracts/fields';
import { CancelOrder } from '#contracts/order';
import type { CancelOrderRequest } from '#proto/retail/order/v1/order_pb';
import { cancelDelivery, compensate } from './compensate';
import type { Context } from './definition';
import { isDelivered } from './domain';
import { publishConfirmed } from './publish-confirmed';
import { toMessage } from './queries';
import { beginCancellation, tooLateToCancel } from './transitions';

const Cancellation = z.object({
  orderId: Id,
  reason: Reason.min(2).default('cancelled_by_customer'),
});

export async function cancelOrder(request: CancelOrderRequest, context: Context) {
  const { orders, caller, callContext, dispatchAndWait } = context;
  const { orderId, reason } = validate(Cancellation, request);
  const order = requireOwner(caller, await orders.get(orderId), 'order');
  requireRole(caller, 'customer', 'seller', 'admin');
  if (order.status === 'cancelling' || order.status === 'cancelled') return toMessage(order);
  const { userId } = order;
  const cancelled = await dispatchAndWait(CancelOrder, { orderId, userId, reason }, () =>
    orders.get(orderId),
  );
  if (cancelled === undefined && !callContext.respondAsync)
    throw stillInProgress('the cancellation');
  return toMessage(cancelled ?? order);
}

/** Cancels an order that is confirmed, or at any point of its fulfilment. */
export async function cancel(
  { orderId, reason }: EventData<typeof CancelOrder>,
  context: Context,
): Promise<void> {
  const { orders, clock } = context;
  const order = await orders.getOrThrow(orderId);
  await orders.clearExpiry(orderId);
  const sagaRecorder = new SagaRecorder(context);

  // 1. Cancel the delivery first: an order can be cancelled only while its delivery can, and a parcel
  //    may arrive before the order is stored as confirmed. This also blocks a delivery that is not
  //    scheduled yet.
  const { status } = order;
  const confirmed = status === 'confirmed';
  if (isDelivered(order) && (confirmed || status === 'pending')) {
    const stopped = await sagaRecorder.step('cancel_delivery', async () => {
      await cancelDelivery(order, false, context);
      return { outcome: 'done' };
    });
    if (stopped.outcome !== 'done') {
      throw tooLateToCancel(stopped.reason);
    }
  }

  // 2. Decide, against a fulfilment that may confirm the order concurrently.
  const sagaLogDelta = sagaRecorder.takeDelta();
  if (confirmed) {
    await publishConfirmed(order, context);
    // the saga log already has these events: drop them from the next delta
    sagaRecorder.takeDelta();
  }
  const cancelling = await orders.update(orderId, (current = order) =>
    beginCancellation(current, reason, confirmed, sagaLogDelta, isoTime(clock)),
  );

  // 3. Compensate and publish. A running fulfilment does the same when it finds this decision, since
  //    it may have completed a step meanwhile. This execution does it too, as there may be none.
  await compensate(cancelling, sagaRecorder, context);
}
