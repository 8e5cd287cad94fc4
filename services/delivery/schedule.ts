import {
  CancelOutcome,
  type CancelRequest,
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
import { OrderRequest, ScheduleRequest } from './requests';

/** Schedules the delivery of an order, once, or refuses it. */
export async function schedule(request: ScheduleMessage, context: Context) {
  const { caller, clock, config, deliveries, newId } = context;
  requireRole(caller, 'service');
  const order = validate(ScheduleRequest, request);
  const at = isoTime(clock);
  const planned = {
    ...order,
    status: 'scheduled' as const,
    deliveryId: newId('delivery'),
    estimatedAt: estimate(clock.now(), order.address, config.DELIVERY_HOME),
    createdAt: at,
    updatedAt: at,
  };
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

/**
 * A delivery is cancelled once. Two executions may cancel it, and the first may crash before it
 * publishes: both make the same change and publish the same event.
 */
const CANCEL_DEDUP_KEY = 'cancelled';

/** Cancels the delivery of an order unless it was delivered, and blocks a schedule that arrives later. */
export async function cancel(request: CancelRequest, context: Context) {
  const { caller, clock, deliveries } = context;
  requireRole(caller, 'service');
  const { orderId } = validate(OrderRequest, request);
  const { document, outcome } = await deliveries.decide(
    orderId,
    (current) => cancelDelivery(current, orderId, isoTime(clock)),
    CANCEL_DEDUP_KEY,
  );
  if (outcome.isTooLate) return { outcome: CancelOutcome.REFUSED, reason: 'delivered' };
  const delivery = asPlanned(document);
  // The schedule may have crashed before it published, and is not retried for a cancelled order.
  if (delivery !== undefined && outcome.from !== undefined) {
    await publishScheduled(context, delivery);
  }
  await publishStatusChange(context, document, outcome.from, 'cancelled', CANCEL_DEDUP_KEY);
  return { outcome: CancelOutcome.CANCELLED };
}
