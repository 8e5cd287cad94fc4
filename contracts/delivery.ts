import { z } from 'zod';
import { Precondition } from '#kit/core/precondition';
import { defineCommand, defineEvent } from '#kit/messages/contract';
import { EntityId, Time } from '#contracts/fields';

const DeliveryStatus = z.enum(['scheduled', 'picked_up', 'in_transit', 'delivered', 'cancelled']);

// The subject is the order: an order has one delivery, and subscribers know the order.
const orderSubject = ({ orderId }: { orderId: string }) => orderId;

export const DeliveryScheduled = defineEvent('DeliveryScheduled', {
  type: 'delivery.scheduled',
  description: 'The delivery of an order was scheduled.',
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
  description: 'A delivery moved to its next status or was cancelled.',
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
  expires: true,
  description: 'Move a delivery to a status.',
  data: z.object({
    orderId: EntityId,
    status: DeliveryStatus,
    precondition: Precondition.optional(),
  }),
  subject: orderSubject,
});
