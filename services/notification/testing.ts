import { toTimestamp } from '#kit/core/timestamps';
import type { Contract, EventInput } from '#kit/messages/contract';
import { type CallOptions, type TestbedOptions } from '#kit/testing/testbed-options';
import { testbed } from '#kit/testing/testbed';
import { DeliveryScheduled, DeliveryStatusUpdated } from '#contracts/delivery';
import { LowStockAlert } from '#contracts/inventory';
import { NotificationSent } from '#contracts/notification';
import { OrderCancelled, OrderConfirmed, OrderCreated } from '#contracts/order';
import { PaymentFailed, PaymentProcessed, RefundProcessed } from '#contracts/payment';
import {
  AccountAccessChanged,
  AccountMailRequested,
  AccountSecurityChanged,
} from '#contracts/user';
import { SlotFaulted, StockMissing, VendUnpaid } from '#contracts/vending';
import { notification } from './service';

// Shared by the tests of this service: a user, and an event of each type.

export type Options = TestbedOptions<typeof notification.definition>;

export const ann = {
  userId: 'ann',
  email: 'ann@example.com',
  name: 'Ann',
  phone: '+4915100000000',
  emailVerified: true,
};
export const accountMail = {
  email: ann.email,
  kind: 'reset_password',
  token: `ann.mail_1.${'s'.repeat(43)}`,
  expiresAt: toTimestamp('2026-01-01T00:30:00.000Z'),
};
export const smsForAnn = ({ userId }: { userId: string }) => ({
  sms_notifications: userId === 'ann',
});

export function bed(options: Options = {}) {
  return testbed(notification, {
    calls: { user: { getContact: () => ann, getAccountMail: () => accountMail } },
    config: { OPERATIONS_EMAIL: 'ops@example.com' },
    ...options,
  });
}
export type Bed = ReturnType<typeof bed>;

const deliverable =
  <C extends Contract>(contract: C, data: EventInput<C>) =>
  (on: Bed, given: CallOptions = {}) =>
    on.handleEvent(contract, data, given);

const price = { amount: '39.98', currency: 'EUR' };
const items = [{ productId: 'p1', quantity: 2, unitPrice: { amount: '19.99', currency: 'EUR' } }];
const owner = { orderId: 'o1', userId: 'ann' };
const order = { ...owner, shopId: 's1', items, totalAmount: price };
const payment = { ...owner, paymentId: 'pay_o1', amount: price, status: 'success' } as const;
const delivery = { ...owner, deliveryId: 'd1', shopId: 's1' };

const slot = { machineId: 'm1', shopId: 's1', slot: 'A3', productId: 'p1' };
const vend = { ...slot, vendId: 'v1', quantity: 1 };

/** Delivers an event of a type to the service. */
export const deliver = {
  'order.created': deliverable(OrderCreated, order),
  'order.confirmed': deliverable(OrderConfirmed, { ...order, status: 'confirmed' }),
  'order.cancelled': deliverable(OrderCancelled, { ...order, reason: 'out_of_stock' }),
  'payment.processed': deliverable(PaymentProcessed, { ...payment, gateway: 'simulator' }),
  'payment.failed': deliverable(PaymentFailed, { ...payment, reason: 'insufficient_funds' }),
  'payment.refunded': deliverable(RefundProcessed, { ...payment, refundId: 'r1' }),
  'delivery.scheduled': deliverable(DeliveryScheduled, {
    ...delivery,
    estimatedAt: '2026-01-03T10:30:00.000Z',
  }),
  'delivery.status.updated': deliverable(DeliveryStatusUpdated, {
    ...delivery,
    status: 'in_transit',
    previousStatus: 'picked_up',
  }),
  'user.security.changed': deliverable(AccountSecurityChanged, {
    userId: 'ann',
    change: 'password_changed',
    at: '2026-01-01T00:00:00.000Z',
  }),
  'user.access.changed': deliverable(AccountAccessChanged, {
    userId: 'ann',
    change: 'role_changed',
    role: 'seller',
    at: '2026-01-01T00:00:00.000Z',
  }),
  'user.mail.requested': deliverable(AccountMailRequested, {
    userId: 'ann',
    mailId: 'mail_1',
    kind: 'reset_password',
  }),
  'inventory.low-stock': deliverable(LowStockAlert, {
    shopId: 's1',
    productId: 'p1',
    currentStock: 2,
    minimumStock: 5,
  }),
  'slot.faulted': deliverable(SlotFaulted, { ...slot, fault: 'jammed' }),
  'machine.stock.missing': deliverable(StockMissing, {
    ...vend,
    missingInSlot: 0,
    missingInStock: 1,
  }),
  'vend.unpaid': deliverable(VendUnpaid, { ...vend, price, reason: 'machine_silent' }),
};
// sound, because the object above is a literal
export const types = Object.keys(deliver) as (keyof typeof deliver)[];

export function channels(on: Bed): string[] {
  return on.published(NotificationSent).map(({ channel }) => channel);
}

export async function inboxOf(on: Bed, userId = 'ann') {
  const caller = { userId, role: 'customer', tenantId: 'default' } as const;
  return (await on.call('listNotifications', {}, { caller })).items;
}
