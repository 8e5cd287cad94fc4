import type { MessageInitShape } from '@bufbuild/protobuf';
import { toTimestamp } from '#kit/core/timestamps';
import type { DeliverySchema } from '#proto/retail/delivery/v1/delivery_pb';
import { DeliveryScheduled, DeliveryStatusUpdated } from '#contracts/delivery';
import type { Context } from './definition';
import { type Delivery, type PlannedDelivery, type Status, asPlanned } from './domain';

/**
 * A delivery is scheduled once. Every execution that finds it publishes the same event, because the one
 * that stored it may have crashed before it published.
 */
export async function publishScheduled(
  { publish }: Context,
  delivery: PlannedDelivery,
): Promise<void> {
  const { deliveryId, orderId, userId, shopId, estimatedAt } = delivery;
  const scheduled = { deliveryId, orderId, userId, shopId, estimatedAt };
  await publish(DeliveryScheduled, scheduled, 'scheduled');
}

/**
 * Publishes that a delivery changed from one status to the next; nothing if `from` is undefined.
 * `dedupKey` is for a change that several executions may publish as the same event.
 */
export async function publishStatusChange(
  { publish }: Context,
  document: Delivery,
  from: Status | undefined,
  to: Status,
  dedupKey?: string,
): Promise<void> {
  const delivery = asPlanned(document);
  if (delivery === undefined || from === undefined) return;
  const { deliveryId, orderId, userId } = delivery;
  // the statuses of this change, not of the document: a redelivery may find it further on
  const change = { status: to, previousStatus: from };
  await publish(DeliveryStatusUpdated, { deliveryId, orderId, userId, ...change }, dedupKey);
}

/** A delivery as callers see it: without the address. */
export function toMessage(delivery: PlannedDelivery): MessageInitShape<typeof DeliverySchema> {
  const { deliveryId, orderId, userId, shopId, status } = delivery;
  return {
    deliveryId,
    orderId,
    userId,
    shopId,
    status,
    estimatedAt: toTimestamp(delivery.estimatedAt),
    createdAt: toTimestamp(delivery.createdAt),
    updatedAt: toTimestamp(delivery.updatedAt),
  };
}
