import { expect, test } from '@jest/globals';
import * as texts from './texts';

const total = { amount: '39.98', currency: 'EUR' };
const owner = { orderId: 'o1', userId: 'ann' };
const items = [
  { productId: 'p1', quantity: 2 },
  { productId: 'p2', quantity: 1 },
];
const payment = { ...owner, paymentId: 'pay_o1', amount: total, status: 'success' } as const;
const TIME = '2026-01-01T00:30:00.000Z';
const slot = { machineId: 'm1', shopId: 's1', slot: 'A3', productId: 'p1' };

const notifications = [
  [
    texts.orderCreated({
      ...owner,
      shopId: 's1',
      totalAmount: total,
      items: [{ productId: 'p1', quantity: 1, unitPrice: total }],
    }),
    'We received your order o1',
    'Thank you for your order of 1 item for 39.98 EUR. We will let you know when it is confirmed.',
  ],
  [
    texts.orderConfirmed({
      ...owner,
      shopId: 's1',
      status: 'confirmed',
      items,
      totalAmount: total,
    }),
    'Your order o1 is confirmed',
    'We received your payment of 39.98 EUR. Your order of 3 items is confirmed and will be delivered.',
  ],
  [
    texts.orderCancelled({ ...owner, shopId: 's1', reason: 'cancelled_by_customer' }),
    'Your order o1 was cancelled',
    'Your order o1 was cancelled. Reason: cancelled on request. If you have already paid, you receive a full refund.',
  ],
  [
    texts.paymentProcessed({ ...payment, gateway: 'simulator' }),
    'We received your payment of 39.98 EUR',
    'Thank you. Your payment of 39.98 EUR for order o1 was successful.',
  ],
  [
    texts.paymentFailed({ ...owner, paymentId: 'pay_o1', reason: 'insufficient_funds' }),
    'Your payment for order o1 failed',
    'Reason: insufficient funds. You were not charged. To try again, place a new order with another payment method.',
  ],
  [
    texts.refundProcessed({ ...payment, refundId: 'r1' }),
    'Refund of 39.98 EUR issued',
    'We issued a refund of 39.98 EUR for order o1. It can take a few days to appear in your account.',
  ],
  [
    texts.deliveryScheduled({
      ...owner,
      deliveryId: 'd1',
      shopId: 's1',
      estimatedAt: '2026-01-03T10:30:00.000Z',
    }),
    'The delivery of your order o1 is scheduled',
    'Your order should arrive by 2026-01-03 10:30 UTC.',
  ],
  [
    texts.deliveryStatusUpdated({
      ...owner,
      deliveryId: 'd1',
      status: 'delivered',
      previousStatus: 'in_transit',
    }),
    'Your order o1 was delivered',
    'Your order o1 was delivered. Thank you for shopping with us.',
  ],
  [
    texts.deliveryStatusUpdated({
      ...owner,
      deliveryId: 'd1',
      status: 'cancelled',
      previousStatus: 'scheduled',
    }),
    'Your order o1 will not be delivered',
    'Your order o1 will not be delivered.',
  ],
  [
    texts.slotFaulted({ ...slot, fault: 'suspect' }),
    'Slot A3 of machine m1 is out of order',
    'Slot A3 of machine m1 in shop s1, with product p1, is out of order. Reason: it is unknown whether the slot dispensed. It sells nothing until it is restocked or repaired.',
  ],
  [
    texts.stockMissing({
      ...slot,
      vendId: 'v1',
      quantity: 1,
      missingInSlot: 0,
      missingInStock: 1,
    }),
    'Recorded stock of product p1 in shop s1 is wrong',
    'Slot A3 of machine m1 dispensed more than its recorded stock. Pieces missing in the record of the slot: 0, in the record of shop s1: 1. Please count the stock.',
  ],
  [
    texts.vendUnpaid({
      ...slot,
      vendId: 'v1',
      quantity: 1,
      price: total,
      reason: 'machine_silent',
    }),
    'Machine m1 dispensed an unpaid product',
    'Machine m1 dispensed product p1 for 39.98 EUR from slot A3, but the payment for vend v1 can no longer be captured. Reason: the machine reported too late.',
  ],
  [
    texts.accountSecurityChanged({ userId: 'ann', change: 'session_displaced', at: TIME }),
    'You were signed out on one device',
    'You signed in on an eleventh device. You can be signed in on ten, so the device that you had not used for the longest time was signed out. If this was not you, reset your password and end your other sessions in your account.',
  ],
  [
    texts.accountSecurityChanged({ userId: 'ann', change: 'refresh_token_reused', at: TIME }),
    'You were signed out on one device for your safety',
    'A sign-in that had already been renewed was used again. It may have been copied, so we ended that session. If this was not you, reset your password and end your other sessions in your account.',
  ],
  [
    texts.accountSecurityChanged({ userId: 'ann', change: 'password_reset', at: TIME }),
    'Your password was reset',
    'Your password was reset by a token from an e-mail, and all sessions were ended. If this was not you, reset your password and end your other sessions in your account.',
  ],
  [
    texts.accountMail('reset_password', 'a.b.c', TIME),
    'Reset your password',
    'Use this token to set a new password:\n\na.b.c\n\nIt is valid once, until 2026-01-01 00:30 UTC. If you did not request it, ignore this e-mail: your password has not changed.',
  ],
  [
    texts.accountMail('verify_email', 'a.b.c', TIME),
    'Verify your e-mail address',
    'Use this token to verify your e-mail address:\n\na.b.c\n\nIt is valid once, until 2026-01-01 00:30 UTC. If you did not create an account with us, ignore this e-mail.',
  ],
] as const;

test.each(notifications.map(([notification, subject, text]) => [subject, text, notification]))(
  'the notification "%s" has the text "%s"',
  (subject, text, notification) => {
    expect(notification).toEqual({ subject, text });
  },
);

test('an unpaid vend without a known price is described without one', () => {
  const { text } = texts.vendUnpaid({ ...slot, vendId: 'v1', quantity: 1, reason: 'expired' });
  expect(text).toContain('dispensed product p1 from slot A3');
});
