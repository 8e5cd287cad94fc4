import { isoTime } from '#kit/core/clock';
import { toTimestamp } from '#kit/core/timestamps';
import type { EventData } from '#kit/messages/contract';
import { Code, MicroserviceError, unavailable } from '#kit/core/errors';
import {
  type StepSuccess,
  type StepFailure,
  SagaRecorder,
  mustSucceed,
} from '#kit/saga/saga-steps';
import { OrderCreated, type PlaceOrder } from '#contracts/order';
import { ScheduleOutcome } from '#proto/retail/delivery/v1/delivery_pb';
import { CommitOutcome, ReserveOutcome } from '#proto/retail/inventory/v1/inventory_pb';
import { charge } from './charge';
import { compensate } from './compensate';
import type { Context } from './definition';
import { type Order, isDelivered, toEventPayload, toReservation } from './domain';
import { isWaiting } from './pickup';
import { publishConfirmed } from './publish-confirmed';
import { type SagaOutcome, applyOutcome } from './transitions';

/**
 * Fulfils an order: the forward part of the saga. Every step is idempotent by orderId, so rerunning
 * it after a crash is safe. A transient failure is thrown, and the redelivery runs the whole handler
 * again.
 */
export async function fulfil({ orderId }: EventData<typeof PlaceOrder>, context: Context) {
  const { orders, lists, clock } = context;
  const order = await orders.getOrThrow(orderId);
  // placeOrder may have failed to publish this command and let the order expire: keep it, first of all
  await orders.clearExpiry(orderId);
  const sagaRecorder = new SagaRecorder(context);
  // An order is listed only once it is certain to be fulfilled or cancelled, so this is not done when
  // it is placed. The list is the cheapest way to find the orders of a user: one write.
  await lists.byUser.add(order.userId, orderId);

  // An order that is no longer pending never moves forward again.
  const outcome =
    order.status === 'pending' ? await runSteps(order, sagaRecorder, context) : undefined;
  // If the order was cancelled meanwhile, the execution that reserved its items may have crashed
  // before it published that; reserving again publishes it. A new hold is released below.
  if (outcome === undefined && !hasReserveStep(order)) await reserve(order, context);

  // 5. Decide, in one change of the document: a concurrent cancellation is ordered before or after it.
  //    Every execution makes this change, because later changes are identified by their number.
  const sagaLogDelta = sagaRecorder.takeDelta();
  const decided = await orders.update(orderId, (current = order) =>
    applyOutcome(current, outcome, sagaLogDelta, isoTime(clock)),
  );

  // 6. Confirmed: commit the items and publish. Cancelled: compensate and publish. If the order was
  //    cancelled after it was confirmed, the cancellation does both.
  if (decided.status === 'confirmed') await commitAndConfirm(decided, context);
  else if (decided.confirmedAt === undefined) await compensate(decided, sagaRecorder, context);
}

async function runSteps(
  order: Order,
  sagaRecorder: SagaRecorder,
  context: Context,
): Promise<SagaOutcome> {
  // 1. Publish that the order exists.
  const { deliveryPrice } = order;
  const created = { ...toEventPayload(order), ...(deliveryPrice && { deliveryPrice }) };
  await context.publish(OrderCreated, created);

  // 2. Reserve its items.
  const reserved = await sagaRecorder.step('reserve', () => reserve(order, context));
  if (reserved.outcome !== 'done') return { confirmed: false, reason: 'out_of_stock' };

  // 3. Charge the buyer.
  const charged = await sagaRecorder.step('charge', () => charge(order, context));
  if (charged.outcome === 'declined') return { confirmed: false, reason: 'payment_failed' };
  if (charged.outcome !== 'done') {
    // A delivery is scheduled only after a charge: if there is one, an earlier execution was paid, and
    // payment confirms that once it responds again.
    if (isDelivered(order) && (await hasDelivery(order, context))) {
      throw unavailable('the payment service did not respond');
    }
    return { confirmed: false, reason: 'payment_unknown' };
  }
  const { paymentId } = charged;

  // 4. Schedule its delivery, if its items are brought to the buyer.
  if (!isDelivered(order)) return { confirmed: true, paymentId };
  const scheduled = await sagaRecorder.step('schedule', () => schedule(order, context));
  if (scheduled.outcome !== 'done') return { confirmed: false, reason: 'undeliverable', paymentId };
  const { deliveryId } = scheduled;

  return { confirmed: true, paymentId, deliveryId };
}

function hasReserveStep({ story }: Order): boolean {
  return story.steps.some(({ step }) => step === 'reserve');
}

async function reserve(
  order: Order,
  { inventory }: Context,
): Promise<StepSuccess<object> | StepFailure> {
  const { outcome, reason } = await inventory.reserve(toReservation(order));
  return outcome === ReserveOutcome.RESERVED ? { outcome: 'done' } : { outcome: 'refused', reason };
}

async function schedule(
  { orderId, userId, shopId, instructions, handledFrom }: Order,
  { delivery }: Context,
): Promise<StepSuccess<{ deliveryId: string }> | StepFailure> {
  const { deliveryAddress: address } = instructions ?? {};
  const { outcome, deliveryId, reason } = await delivery.schedule({
    orderId,
    userId,
    shopId,
    ...(address === undefined ? {} : { address }),
    ...(handledFrom === undefined ? {} : { notBefore: toTimestamp(handledFrom) }),
  });
  if (outcome === ScheduleOutcome.SCHEDULED) return { outcome: 'done', deliveryId };
  // A cancellation has cancelled the delivery and is about to store its reason: run again after it.
  if (reason === 'cancelled') throw unavailable('the order is being cancelled');
  return { outcome: 'refused', reason };
}

async function hasDelivery({ orderId }: Order, { delivery }: Context): Promise<boolean> {
  try {
    const { status } = await delivery.getDelivery({ orderId });
    return status !== 'cancelled';
  } catch (error) {
    if (error instanceof MicroserviceError && error.code === Code.NOT_FOUND) return false;
    throw error;
  }
}

/**
 * Runs after the decision, so that no execution reserves items again that were committed. An order for pickup is
 * listed for its shop before anything is published about it.
 */
async function commitAndConfirm(order: Order, context: Context): Promise<void> {
  if (isWaiting(order)) await context.lists.pickups.add(order.shopId, order.orderId);
  const { outcome } = await mustSucceed(() => context.inventory.commit(toReservation(order)));
  // Otherwise a cancellation came first, and publishes how the order ended.
  if (outcome === CommitOutcome.COMMITTED) await publishConfirmed(order, context);
}
