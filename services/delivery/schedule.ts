import { toTimestamp } from '#kit/core/timestamps';
import {
  CancelOutcome,
  type CancelRequest,
  ScheduleOutcome,
  type ScheduleRequest as ScheduleMessage,
} from '#proto/retail/delivery/v1/delivery_pb';
import { requireRole } from '#kit/core/caller';
import { isoTime } from '#kit/core/clock';
import { validate } from '#kit/core/validation';
import { callOff, estimate, plan, planned } from './domain';
import { sayMoved, sayScheduled } from './messages';
import { OrderRequest, ScheduleRequest } from './requests';
import type { Context } from './definition';

/** Plans the delivery of an order, once, or refuses. */
export async function schedule(request: ScheduleMessage, context: Context) {
  const { caller, clock, config, deliveries, newId } = context;
  requireRole(caller, 'service');
  const order = validate(ScheduleRequest, request);
  const at = isoTime(clock);
  const wanted = {
    ...order,
    status: 'scheduled' as const,
    deliveryId: newId('delivery'),
    estimatedAt: estimate(clock.now(), order.address, config.DELIVERY_HOME),
    createdAt: at,
    updatedAt: at,
  };
  const { document, outcome } = await deliveries.decide(order.orderId, (now) =>
    plan(now, wanted, config.DELIVERY_COUNTRIES),
  );
  const delivery = planned(document);
  if (delivery === undefined || outcome.refusal !== undefined) {
    return { outcome: ScheduleOutcome.REFUSED, reason: outcome.refusal ?? 'cancelled' };
  }
  const { deliveryId, estimatedAt } = delivery;
  if (outcome.isNew) await sayScheduled(context, delivery);
  return { outcome: ScheduleOutcome.SCHEDULED, deliveryId, estimatedAt: toTimestamp(estimatedAt) };
}

/** What makes it one change and one event: two may cancel, and the first may not come to say so. */
const CANCELLED = 'cancelled';

/** Cancels the delivery of an order, unless it is there already. A schedule that comes later is refused. */
export async function cancel(request: CancelRequest, context: Context) {
  const { caller, clock, deliveries } = context;
  requireRole(caller, 'service');
  const { orderId } = validate(OrderRequest, request);
  const { document, outcome } = await deliveries.decide(
    orderId,
    (now) => callOff(now, orderId, isoTime(clock)),
    CANCELLED,
  );
  if (outcome.isTooLate) return { outcome: CancelOutcome.REFUSED, reason: 'delivered' };
  const delivery = planned(document);
  // who planned it may have died before it said so, and does not come back for an order that ended
  if (delivery !== undefined && outcome.from !== undefined) await sayScheduled(context, delivery);
  await sayMoved(context, document, outcome.from, 'cancelled', CANCELLED);
  return { outcome: CancelOutcome.CANCELLED };
}
