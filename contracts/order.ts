import { z } from 'zod';
import { defineCommand, defineEvent } from '#kit/messages/contract';
import { Money } from '#retail/money';
import { EntityId, Item, Reason } from '#contracts/fields';

const OrderStatus = z.enum(['pending', 'confirmed', 'cancelling', 'cancelled']);

const whose = { orderId: EntityId, userId: EntityId };

export const OrderCreated = defineEvent('OrderCreated', {
  type: 'order.created',
  description: 'An order was accepted and priced.',
  data: z.object({
    ...whose,
    shopId: EntityId,
    items: z.array(Item.extend({ unitPrice: Money })).min(1),
    totalAmount: Money,
  }),
  subject: ({ orderId }) => orderId,
});

export const OrderStatusUpdated = defineEvent('OrderStatusUpdated', {
  type: 'order.status.updated',
  public: true,
  description: 'An order went from one status to another.',
  data: z.object({ ...whose, status: OrderStatus, previousStatus: OrderStatus }),
  subject: ({ orderId }) => orderId,
});

export const OrderConfirmed = defineEvent('OrderConfirmed', {
  type: 'order.confirmed',
  description: 'An order is paid for, its items are taken and its delivery is planned.',
  data: z.object({
    ...whose,
    shopId: EntityId,
    status: z.literal('confirmed'),
    items: z.array(Item).min(1),
    totalAmount: Money,
  }),
  subject: ({ orderId }) => orderId,
});

export const OrderCancelled = defineEvent('OrderCancelled', {
  type: 'order.cancelled',
  description: 'An order came to nothing, and what was done for it is undone.',
  data: z.object({ ...whose, shopId: EntityId, reason: Reason }),
  subject: ({ orderId }) => orderId,
});

// The address and the payment token are in the order's document; the command only names it.
export const PlaceOrder = defineCommand('PlaceOrder', {
  type: 'order.place',
  description: 'Carry out an order that is stored, but not yet announced.',
  data: z.object({ orderId: EntityId }),
  subject: ({ orderId }) => orderId,
});

export const CancelOrder = defineCommand('CancelOrder', {
  type: 'order.cancel',
  description: 'Cancel an order that its buyer or an admin no longer wants.',
  data: z.object({ ...whose, reason: Reason }),
  subject: ({ orderId }) => orderId,
});
