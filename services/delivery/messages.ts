import { toTimestamp } from '#kit/core/timestamps';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { DeliverySchema } from '#proto/retail/delivery/v1/delivery_pb';
import { DeliveryScheduled, DeliveryStatusUpdated } from '#contracts/delivery';
import { type Delivery, type Planned, type Status, planned } from './domain';
import type { Context } from './definition';

/** A delivery is planned once: said by whoever finds it, as it may have been written but not said. */
export async function sayScheduled({ publish }: Context, delivery: Planned): Promise<void> {
  const { deliveryId, orderId, userId, shopId, estimatedAt } = delivery;
  const said = { deliveryId, orderId, userId, shopId, estimatedAt };
  await publish(DeliveryScheduled, said, 'scheduled');
}

/**
 * Says that a delivery came from one status to the next; nothing where it did not. `fact` is for a
 * step that whoever finds it made says as the same event.
 */
export async function sayMoved(
  { publish }: Context,
  document: Delivery,
  from: Status | undefined,
  to: Status,
  fact?: string,
): Promise<void> {
  const delivery = planned(document);
  if (delivery === undefined || from === undefined) return;
  const { deliveryId, orderId, userId } = delivery;
  // a redelivery may find it further on: what is said is the step that this change made
  const step = { status: to, previousStatus: from };
  await publish(DeliveryStatusUpdated, { deliveryId, orderId, userId, ...step }, fact);
}

/** What is told of a delivery: everything but the address. */
export function toMessage(delivery: Planned): MessageInitShape<typeof DeliverySchema> {
  const { deliveryId, orderId, userId, shopId, status } = delivery;
  return {
    ...{ deliveryId, orderId, userId, shopId, status },
    estimatedAt: toTimestamp(delivery.estimatedAt),
    createdAt: toTimestamp(delivery.createdAt),
    updatedAt: toTimestamp(delivery.updatedAt),
  };
}
