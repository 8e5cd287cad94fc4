import { z } from 'zod';
import { defineCommand, defineEvent } from '#kit/messages/contract';
import { Money } from '#retail/money';
import { EntityId, Item, Reason } from '#contracts/fields';

const OrderStatus = z.enum(['pending', 'confirmed', 'cancelling', 'cancelled']);

const owner = { orderId: EntityId, userId: EntityId };

export const OrderCreated = defineEvent('OrderCreated', {
  type: 'order.created',
  description: 'An order was accepted and its prices were fixed.',
  data: z.object({
    ...owner,
    shopId: EntityId,
    items: z.array(Item.extend({ unitPrice: Money })).min(1),
    totalAmount: Money,
  }),
  subject: ({ orderId }) => orderId,
});

export const OrderStatusUpdated = defineEvent('OrderStatusUpdated', {
  type: 'order.status.updated',
  public: true,
  description: 'The status of an order changed.',
  data: z.object({ ...owner, status: OrderStatus, previousStatus: OrderStatus }),
  subject: ({ orderId }) => orderId,
});

export const OrderConfirmed = defineEvent('OrderConfirmed', {
  type: 'order.confirmed',
  description:
    'An order is paid, its items are taken from the stock and its delivery is scheduled.',
  data: z.object({
    ...owner,
    shopId: EntityId,
    status: z.literal('confirmed'),
    items: z.array(Item).min(1),
    totalAmount: Money,
  }),
  subject: ({ orderId }) => orderId,
});

export const OrderCancelled = defineEvent('OrderCancelled', {
  type: 'order.cancelled',
  description: 'An order was cancelled and every step taken for it was compensated.',
  data: z.object({ ...owner, shopId: EntityId, reason: Reason }),
  subject: ({ orderId }) => orderId,
});

// Only the id: the address and the payment token stay in the order's document.
export const PlaceOrder = defineCommand('PlaceOrder', {
  type: 'order.place',
  description: 'Fulfil an order that is stored but not yet published.',
  data: z.object({ orderId: EntityId }),
  subject: ({ orderId }) => orderId,
});

export const CancelOrder = defineCommand('CancelOrder', {
  type: 'order.cancel',
  description: 'Cancel an order on request of its buyer or an admin.',
  data: z.object({ ...owner, reason: Reason }),
  subject: ({ orderId }) => orderId,
});
