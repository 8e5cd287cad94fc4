import { z } from 'zod';
import { defineCommand, defineEvent } from '#kit/messages/contract';
import { EntityId, Time } from '#contracts/fields';

const DeliveryStatus = z.enum(['scheduled', 'picked_up', 'in_transit', 'delivered', 'cancelled']);

// Subject is the order, as an order has one delivery and is what its hearers know.
const orderSubject = ({ orderId }: { orderId: string }) => orderId;

export const DeliveryScheduled = defineEvent('DeliveryScheduled', {
  type: 'delivery.scheduled',
  description: 'It is planned when an order is brought.',
  data: z.object({
    deliveryId: EntityId,
    orderId: EntityId,
    userId: EntityId,
    shopId: EntityId,
    estimatedAt: Time,
  }),
  subject: orderSubject,
});

export const DeliveryStatusUpdated = defineEvent('DeliveryStatusUpdated', {
  type: 'delivery.status.updated',
  description: 'A delivery came further, or was cancelled.',
  data: z.object({
    deliveryId: EntityId,
    orderId: EntityId,
    userId: EntityId,
    status: DeliveryStatus,
    previousStatus: DeliveryStatus,
  }),
  subject: orderSubject,
});

export const UpdateDelivery = defineCommand('UpdateDelivery', {
  type: 'delivery.update',
  description: 'Move a delivery on to a status.',
  data: z.object({ orderId: EntityId, status: DeliveryStatus }),
  subject: orderSubject,
});
