import { z } from 'zod';
import { Precondition } from '#kit/core/precondition';
import { defineCommand, defineEvent } from '#kit/messages/contract';
import { Money } from '#retail/money';
import { EntityId, Item, Reason, Time } from '#contracts/fields';

const OrderStatus = z.enum(['pending', 'confirmed', 'cancelling', 'cancelled']);

/** Where an order was placed. Absent in events from before orders had a channel: online. */
const Channel = z.enum(['online', 'store', 'pickup', 'vending']);

const owner = { orderId: EntityId, userId: EntityId };

export const OrderCreated = defineEvent('OrderCreated', {
  type: 'order.created',
  description: 'An order was accepted and its prices were fixed.',
  data: z.object({
    ...owner,
    shopId: EntityId,
    items: z.array(Item.extend({ unitPrice: Money })).min(1),
    totalAmount: Money,
    channel: Channel.optional(),
    /** The part of the total that the buyer pays for the delivery. */
    deliveryPrice: Money.optional(),
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
    'An order is paid and its items are taken from the stock. An online order has a scheduled delivery.',
  data: z.object({
    ...owner,
    shopId: EntityId,
    status: z.literal('confirmed'),
    items: z.array(Item).min(1),
    totalAmount: Money,
    channel: Channel.optional(),
  }),
  subject: ({ orderId }) => orderId,
});

export const OrderCancelled = defineEvent('OrderCancelled', {
  type: 'order.cancelled',
  description: 'An order was cancelled and every step taken for it was compensated.',
  data: z.object({ ...owner, shopId: EntityId, reason: Reason }),
  subject: ({ orderId }) => orderId,
});

export const PickupUpdated = defineEvent('PickupUpdated', {
  type: 'order.pickup.updated',
  description: 'An order for pickup is ready, or was collected.',
  data: z.object({
    ...owner,
    shopId: EntityId,
    status: z.enum(['ready', 'collected']),
    /** The order is cancelled and refunded if it is not collected by then. Absent once it is collected. */
    expiresAt: Time.optional(),
  }),
  subject: ({ orderId }) => orderId,
});

const returned = { ...owner, returnId: EntityId };

export const ReturnUpdated = defineEvent('ReturnUpdated', {
  type: 'order.return.updated',
  description:
    'A buyer requested to return items of an order; they arrived; or the shop refunded or rejected them.',
  data: z.object({
    ...returned,
    shopId: EntityId,
    status: z.enum(['requested', 'received', 'completed', 'rejected']),
    items: z.array(Item).min(1),
    reason: Reason,
    /** What was refunded. Only of a completed return. */
    refunded: Money.optional(),
  }),
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

export const UpdatePickup = defineCommand('UpdatePickup', {
  type: 'order.pickup.update',
  description: 'Mark an order for pickup as ready or as collected.',
  data: z.object({
    orderId: EntityId,
    status: z.enum(['ready', 'collected']),
    precondition: Precondition.optional(),
  }),
  subject: ({ orderId }) => orderId,
});

export const RequestReturn = defineCommand('RequestReturn', {
  type: 'order.return.request',
  description: 'Request to return items of an order on behalf of its buyer.',
  data: z.object({ ...returned, items: z.array(Item), reason: Reason }),
  subject: ({ orderId }) => orderId,
});

export const ReceiveReturn = defineCommand('ReceiveReturn', {
  type: 'order.return.receive',
  description: 'Record that the items of a return have arrived.',
  data: z.object({
    orderId: EntityId,
    returnId: EntityId,
    precondition: Precondition.optional(),
  }),
  subject: ({ orderId }) => orderId,
});

export const DecideReturn = defineCommand('DecideReturn', {
  type: 'order.return.decide',
  description: 'Refund the accepted pieces of a return, and put pieces back into the stock.',
  data: z.object({
    orderId: EntityId,
    returnId: EntityId,
    items: z.array(
      z.object({
        productId: EntityId,
        accepted: z.int().nonnegative().optional(),
        restocked: z.int().nonnegative().optional(),
      }),
    ),
    precondition: Precondition.optional(),
  }),
  subject: ({ orderId }) => orderId,
});
