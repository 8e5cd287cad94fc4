import type { Contract, EventInput } from '#kit/messages/contract';
import { type CallOptions, type TestbedOptions, testbed } from '#kit/testing/testbed';
import { DeliveryScheduled, DeliveryStatusUpdated } from '#contracts/delivery';
import { LowStockAlert } from '#contracts/inventory';
import { NotificationSent } from '#contracts/notification';
import { OrderCancelled, OrderConfirmed, OrderCreated } from '#contracts/order';
import { PaymentFailed, PaymentProcessed, RefundProcessed } from '#contracts/payment';
import { SlotFaulted, StockMissing, VendUnpaid } from '#contracts/vending';
import { notification } from './service';

// What the tests of this service share: a user, the events about her, and what became of them.

export type Options = TestbedOptions<typeof notification.definition>;

export const ann = {
  userId: 'ann',
  email: 'ann@example.com',
  name: 'Ann',
  phone: '+4915100000000',
};
export const smsForAnn = ({ userId }: { userId: string }) => ({
  sms_notifications: userId === 'ann',
});

export function bed(options: Options = {}) {
  return testbed(notification, {
    calls: { user: { getContact: () => ann } },
    config: { OPERATIONS_EMAIL: 'ops@example.com' },
    ...options,
  });
}
export type Bed = ReturnType<typeof bed>;

const said =
  <C extends Contract>(contract: C, data: EventInput<C>) =>
  (on: Bed, given: CallOptions = {}) =>
    on.handleEvent(contract, data, given);

const price = { amount: '39.98', currency: 'EUR' };
const items = [{ productId: 'p1', quantity: 2, unitPrice: { amount: '19.99', currency: 'EUR' } }];
const whose = { orderId: 'o1', userId: 'ann' };
const sold = { ...whose, shopId: 's1', items, totalAmount: price };
const paid = { ...whose, paymentId: 'pay_o1', amount: price, status: 'success' } as const;
const brought = { ...whose, deliveryId: 'd1', shopId: 's1' };

const slot = { machineId: 'm1', shopId: 's1', slot: 'A3', productId: 'p1' };
const vend = { ...slot, vendId: 'v1', quantity: 1 };

/** Has the service hear an event of each type. */
export const hear = {
  'order.created': said(OrderCreated, sold),
  'order.confirmed': said(OrderConfirmed, { ...sold, status: 'confirmed' }),
  'order.cancelled': said(OrderCancelled, { ...sold, reason: 'out_of_stock' }),
  'payment.processed': said(PaymentProcessed, { ...paid, gateway: 'simulator' }),
  'payment.failed': said(PaymentFailed, { ...paid, reason: 'insufficient_funds' }),
  'payment.refunded': said(RefundProcessed, { ...paid, refundId: 'r1' }),
  'delivery.scheduled': said(DeliveryScheduled, {
    ...brought,
    estimatedAt: '2026-01-03T10:30:00.000Z',
  }),
  'delivery.status.updated': said(DeliveryStatusUpdated, {
    ...brought,
    status: 'in_transit',
    previousStatus: 'picked_up',
  }),
  'inventory.low-stock': said(LowStockAlert, {
    shopId: 's1',
    productId: 'p1',
    currentStock: 2,
    minimumStock: 5,
  }),
  'slot.faulted': said(SlotFaulted, { ...slot, fault: 'jammed' }),
  'machine.stock.missing': said(StockMissing, { ...vend, missingInSlot: 0, missingInStock: 1 }),
  'vend.unpaid': said(VendUnpaid, { ...vend, price, reason: 'machine_silent' }),
};
// the names of an object that is written out above are its keys
export const types = Object.keys(hear) as (keyof typeof hear)[];

export function channels(on: Bed): string[] {
  return on.published(NotificationSent).map(({ channel }) => channel);
}

export async function inboxOf(on: Bed, userId = 'ann') {
  const caller = { userId, role: 'customer', tenantId: 'default' } as const;
  return (await on.call('listNotifications', {}, { caller })).items;
}
