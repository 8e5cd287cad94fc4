import { z } from 'zod';
import { requireOwner } from '#kit/core/caller';
import { isoTime } from '#kit/core/clock';
import type { EventData } from '#kit/messages/contract';
import { refused } from '#kit/core/errors';
import { SagaRecorder } from '#kit/saga/saga-steps';
import { Id, validate } from '#kit/core/validation';
import { Reason } from '#contracts/fields';
import { CancelOrder } from '#contracts/order';
import type { CancelOrderRequest } from '#proto/retail/order/v1/order_pb';
import { toMessage } from './answers';
import { withdrawn } from './decisions';
import type { Context } from './definition';
import { sayConfirmed } from './say-confirmed';
import { cancelDelivery, unwind } from './unwind';

const Cancellation = z.object({
  orderId: Id,
  reason: Reason.min(2).default('cancelled_by_customer'),
});

export async function cancelOrder(request: CancelOrderRequest, context: Context) {
  const { orders, caller, dispatchAndWait } = context;
  const { orderId, reason } = validate(Cancellation, request);
  const order = requireOwner(caller, await orders.get(orderId), 'order');
  if (order.status === 'cancelling' || order.status === 'cancelled') return toMessage(order);
  const { userId } = order;
  const now = await dispatchAndWait(CancelOrder, { orderId, userId, reason }, () =>
    orders.get(orderId),
  );
  return toMessage(now ?? order);
}

/** Cancels an order that may be at any point of its fulfilment, or confirmed. */
export async function cancel(
  { orderId, reason }: EventData<typeof CancelOrder>,
  context: Context,
): Promise<void> {
  const { orders, clock } = context;
  const order = await orders.getOrThrow(orderId);
  await orders.clearExpiry(orderId);
  const sagaRecorder = new SagaRecorder(context);

  // 1. An order can be cancelled as long as its delivery can, which is asked first: a parcel may be
  //    there before its order is known to be confirmed. A delivery that is not planned yet is barred.
  const { status } = order;
  const confirmed = status === 'confirmed';
  if (confirmed || status === 'pending') {
    const stopped = await sagaRecorder.step('cancel_delivery', async () => {
      await cancelDelivery(order, context);
      return { outcome: 'done' };
    });
    if (stopped.outcome !== 'done') {
      throw refused(stopped.reason, 'the order can no longer be cancelled');
    }
  }

  // 2. Decide, against a fulfilment that may confirm at the same time.
  const told = sagaRecorder.takeDelta();
  if (confirmed) {
    await sayConfirmed(order, context);
    // the order tells of it already
    sagaRecorder.takeDelta();
  }
  const now = await orders.update(orderId, (current = order) =>
    withdrawn(current, reason, confirmed, told, isoTime(clock)),
  );

  // 3. Undo what was done, and say so. A fulfilment that is under way does the same once it comes
  //    upon this decision: only it knows what it did last. None may be under way any more.
  await unwind(now, sagaRecorder, context);
}
