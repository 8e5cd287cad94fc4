import { isoTime } from '#kit/core/clock';
import { OrderCancelled, OrderConfirmed, OrderCreated, OrderStatusUpdated } from '#contracts/order';
import { ScheduleOutcome } from '#proto/retail/delivery/v1/delivery_pb';
import { ReserveOutcome } from '#proto/retail/inventory/v1/inventory_pb';
import { charge as chargeFor } from '../../../services/order/charge';
import { completeCancellation, applyOutcome } from '../../../services/order/transitions';
import { type Order, toEventPayload, toReservation } from '../../../services/order/domain';
import type { Context } from '../../../services/order/definition';
import type { Outcome } from './outcome';

// The steps of services/order/fulfil.ts and compensate.ts, each as an activity, with the same calls, writes
// and events. A workflow has its own history of an order, so the order's document has no saga log.
// order's document has none.

type Activity = (order: Order, context: Context, outcome: Outcome) => Promise<Outcome>;

const DONE: Outcome = { done: true };
const UNTOLD = { steps: [], events: [] };

async function announce(order: Order, { lists, publish }: Context): Promise<Outcome> {
  await lists.byUser.add(order.userId, order.orderId);
  await publish(OrderCreated, toEventPayload(order));
  return DONE;
}

async function reserve(order: Order, { inventory }: Context): Promise<Outcome> {
  const { outcome } = await inventory.reserve(toReservation(order));
  const isHeld = outcome === ReserveOutcome.RESERVED;
  return isHeld ? DONE : { done: false, reason: 'out_of_stock' };
}

async function charge(order: Order, context: Context): Promise<Outcome> {
  const paid = await chargeFor(order, context);
  if (paid.outcome === 'done') return { done: true, paymentId: paid.paymentId };
  const isUnknown = paid.outcome === 'unknown';
  return { done: false, reason: isUnknown ? 'payment_unknown' : 'payment_failed' };
}

async function schedule(order: Order, { delivery }: Context): Promise<Outcome> {
  const { orderId, userId, shopId, instructions } = order;
  const { outcome, deliveryId } = await delivery.schedule({
    ...{ orderId, userId, shopId },
    ...(instructions?.deliveryAddress && { address: instructions.deliveryAddress }),
  });
  const isPlanned = outcome === ScheduleOutcome.SCHEDULED;
  return isPlanned ? { done: true, deliveryId } : { done: false, reason: 'undeliverable' };
}

async function confirm(order: Order, context: Context, outcome: Outcome): Promise<Outcome> {
  const { orders, inventory, publish, clock } = context;
  const { paymentId = '', deliveryId = '' } = outcome;
  const verdict = { confirmed: true, paymentId, deliveryId } as const;
  await orders.update(order.orderId, (now = order) =>
    applyOutcome(now, verdict, UNTOLD, isoTime(clock)),
  );
  await inventory.commit(toReservation(order));
  await publish(OrderConfirmed, { ...toEventPayload(order), status: 'confirmed' });
  await saySettled(order, 'confirmed', context);
  return DONE;
}

async function release(order: Order, { inventory }: Context, outcome: Outcome) {
  await inventory.release({ ...toReservation(order), reason: whyNot(outcome) });
  return DONE;
}

async function voidCharge({ orderId }: Order, { payment }: Context): Promise<Outcome> {
  await payment.void({ orderId });
  return DONE;
}

async function refund({ orderId }: Order, { payment }: Context, outcome: Outcome) {
  await payment.refund({ target: { case: 'orderId', value: orderId }, reason: whyNot(outcome) });
  return DONE;
}

async function cancel(order: Order, context: Context, outcome: Outcome): Promise<Outcome> {
  const { orders, publish, clock } = context;
  const { orderId, userId, shopId } = order;
  const reason = whyNot(outcome);
  const at = isoTime(clock);
  // all steps are compensated by now, so the decision and the end are one change
  await orders.update(orderId, (now = order) =>
    completeCancellation(applyOutcome(now, { confirmed: false, reason }, UNTOLD, at), UNTOLD, at),
  );
  await publish(OrderCancelled, { orderId, userId, shopId, reason });
  await saySettled(order, 'cancelled', context);
  return DONE;
}

function whyNot({ reason }: Outcome): NonNullable<Outcome['reason']> {
  if (reason === undefined) throw new Error('a compensation needs a reason');
  return reason;
}

async function saySettled(
  { orderId, userId }: Order,
  status: 'confirmed' | 'cancelled',
  { publish }: Context,
): Promise<void> {
  await publish(OrderStatusUpdated, { orderId, userId, status, previousStatus: 'pending' });
}

export const activities = {
  announce,
  reserve,
  charge,
  schedule,
  confirm,
  release,
  voidCharge,
  refund,
  cancel,
} satisfies Record<string, Activity>;
export type ActivityName = keyof typeof activities;
