import { isoTime } from '#kit/core/clock';
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
import { type Verdict, decided } from './decisions';
import { type Order, facts, goods } from './domain';
import type { Context } from './definition';
import { sayConfirmed } from './say-confirmed';
import { unwind } from './unwind';

/**
 * Carries out an order. Whom a step asks knows the order by its id, so that asking again after a
 * crash is the same step. A step that cannot be asked for now throws, and all of this is run again.
 */
export async function fulfil({ orderId }: EventData<typeof PlaceOrder>, context: Context) {
  const { orders, lists, clock } = context;
  const order = await orders.getOrThrow(orderId);
  // who placed it may not know that it came here: before anything is done for it, it must stay
  await orders.clearExpiry(orderId);
  const sagaRecorder = new SagaRecorder(context);
  // Here and not where it is placed: an order is listed from when it is certain to end. A list is
  // kept because nothing cheaper finds a user's orders: it costs a write, and one for a user only.
  await lists.byUser.add(order.userId, orderId);

  // An order that is decided never goes forward again, whatever became of an earlier delivery.
  const verdict =
    order.status === 'pending' ? await goForward(order, sagaRecorder, context) : undefined;
  // One that was cancelled meanwhile may hold items, and who held them died before it said so:
  // asked again it says it. What it holds only now is given back below.
  if (verdict === undefined && !knowsOfReserve(order)) await reserve(order, context);

  // 5. Decide. One change of the document: a buyer who cancels at the same time comes before it or
  //    after it. Made in every run, so that the change after it is known by its number.
  const told = sagaRecorder.takeDelta();
  const now = await orders.update(orderId, (current = order) =>
    decided(current, verdict, told, isoTime(clock)),
  );

  // 6. Confirmed: take the items for good and say so. Cancelled: undo what was done and say so.
  //    Cancelled after it was confirmed: whoever cancelled it does that.
  if (now.status === 'confirmed') await conclude(now, context);
  else if (now.confirmedAt === undefined) await unwind(now, sagaRecorder, context);
}

async function goForward(
  order: Order,
  sagaRecorder: SagaRecorder,
  context: Context,
): Promise<Verdict> {
  // 1. Say that there is an order.
  await context.publish(OrderCreated, facts(order));

  // 2. Hold its items.
  const held = await sagaRecorder.step('reserve', () => reserve(order, context));
  if (held.outcome !== 'done') return { confirmed: false, reason: 'out_of_stock' };

  // 3. Take the money.
  const paid = await sagaRecorder.step('charge', () => charge(order, context));
  if (paid.outcome === 'declined') return { confirmed: false, reason: 'payment_failed' };
  if (paid.outcome !== 'done') {
    // an earlier run may have come further: then it was paid, and payment says so once it is back
    if (await isBrought(order, context)) throw unavailable('payment does not answer');
    return { confirmed: false, reason: 'payment_unknown' };
  }
  const { paymentId } = paid;

  // 4. Plan its delivery.
  const planned = await sagaRecorder.step('schedule', () => schedule(order, context));
  if (planned.outcome !== 'done') return { confirmed: false, reason: 'undeliverable', paymentId };
  const { deliveryId } = planned;

  return { confirmed: true, paymentId, deliveryId };
}

function knowsOfReserve({ story }: Order): boolean {
  return story.steps.some(({ step }) => step === 'reserve');
}

async function reserve(
  order: Order,
  { inventory }: Context,
): Promise<StepSuccess<object> | StepFailure> {
  const { outcome, reason } = await inventory.reserve(goods(order));
  return outcome === ReserveOutcome.RESERVED ? { outcome: 'done' } : { outcome: 'refused', reason };
}

async function schedule(
  { orderId, userId, shopId, instructions }: Order,
  { delivery }: Context,
): Promise<StepSuccess<{ deliveryId: string }> | StepFailure> {
  const { outcome, deliveryId, reason } = await delivery.schedule({
    ...{ orderId, userId, shopId },
    ...(instructions === undefined ? {} : { address: instructions.deliveryAddress }),
  });
  if (outcome === ScheduleOutcome.SCHEDULED) return { outcome: 'done', deliveryId };
  // who cancels the order has called it off and is about to say so: then it is known why it ends
  if (reason === 'cancelled') throw unavailable('the order is being cancelled');
  return { outcome: 'refused', reason };
}

async function isBrought({ orderId }: Order, { delivery }: Context): Promise<boolean> {
  try {
    const { status } = await delivery.getDelivery({ orderId });
    return status !== 'cancelled';
  } catch (error) {
    if (error instanceof MicroserviceError && error.code === Code.NOT_FOUND) return false;
    throw error;
  }
}

/** After the decision, so that nobody reserves for an order whose items may have been taken. */
async function conclude(order: Order, context: Context): Promise<void> {
  const { outcome } = await mustSucceed(() => context.inventory.commit(goods(order)));
  // a cancellation has overtaken this, and says how the order ended
  if (outcome === CommitOutcome.COMMITTED) await sayConfirmed(order, context);
}
