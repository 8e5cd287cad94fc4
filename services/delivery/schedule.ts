import {
  CancelOutcome,
  type CancelRequest as CancelMessage,
  ScheduleOutcome,
  type ScheduleRequest as ScheduleMessage,
} from '#proto/retail/delivery/v1/delivery_pb';
import { requireRole } from '#kit/core/caller';
import { isoTime } from '#kit/core/clock';
import { toTimestamp } from '#kit/core/timestamps';
import { validate } from '#kit/core/validation';
import type { Context } from './definition';
import { asPlanned, cancelDelivery, estimate, plan } from './domain';
import { publishScheduled, publishStatusChange } from './publish';
import { CancelRequest, ScheduleRequest } from './requests';

/** Schedules the delivery of an order, once, or refuses it. */
export async function schedule(request: ScheduleMessage, context: Context) {
  const { caller, clock, config, deliveries, newId } = context;
  requireRole(caller, 'service');
  const { notBefore, ...order } = validate(ScheduleRequest, request);
  const at = isoTime(clock);
  const planned = {
    ...order,
    status: 'scheduled' as const,
    deliveryId: newId('delivery'),
    estimatedAt: estimate(handoverOf(notBefore, clock.now()), order.address, config.DELIVERY_HOME),
    createdAt: at,
    updatedAt: at,
  };
  // an order is scheduled once, so its delivery most likely does not exist yet
  deliveries.assumeAbsent(order.orderId);
  const { document, outcome } = await deliveries.decide(order.orderId, (current) =>
    plan(current, planned, config.DELIVERY_COUNTRIES),
  );
  const delivery = asPlanned(document);
  if (delivery === undefined || outcome.refusal !== undefined) {
    return { outcome: ScheduleOutcome.REFUSED, reason: outcome.refusal ?? 'cancelled' };
  }
  const { deliveryId, estimatedAt } = delivery;
  if (outcome.isNew) await publishScheduled(context, delivery);
  return { outcome: ScheduleOutcome.SCHEDULED, deliveryId, estimatedAt: toTimestamp(estimatedAt) };
}

/** When the shop hands over the parcel, in milliseconds since the epoch. */
export function handoverOf(notBefore: string | undefined, now: number): number {
  return notBefore === undefined ? now : Math.max(now, Date.parse(notBefore));
}

/**
 * A delivery is cancelled once. Two executions may cancel it, and the first may crash before it
 * publishes: both make the same change and publish the same event.
 */
const CANCEL_DEDUP_KEY = 'cancelled';

/** Cancels the delivery of an order unless its parcel has left the shop, and blocks a later schedule. */
export async function cancel(request: CancelMessage, context: Context) {
  const { caller, clock, deliveries } = context;
  requireRole(caller, 'service');
  const { orderId, recall } = validate(CancelRequest, request);
  const { document, outcome } = await deliveries.decide(
    orderId,
    (current) => cancelDelivery(current, orderId, recall, isoTime(clock)),
    CANCEL_DEDUP_KEY,
  );
  if (outcome.tooLate !== undefined) {
    return { outcome: CancelOutcome.REFUSED, reason: outcome.tooLate };
  }
  const delivery = asPlanned(document);
  // The schedule may have crashed before it published, and is not retried for a cancelled order.
  if (delivery !== undefined && outcome.from !== undefined) {
    await publishScheduled(context, delivery);
  }
  await publishStatusChange(context, document, outcome.from, 'cancelled', CANCEL_DEDUP_KEY);
  return { outcome: CancelOutcome.CANCELLED };
}
