import { z } from 'zod';
import { Precondition } from '#kit/core/precondition';
import { defineCommand, defineEvent } from '#kit/messages/contract';
import { Money } from '#retail/money';
import { EntityId, Reason } from '#contracts/fields';

const payment = { paymentId: EntityId, orderId: EntityId, userId: EntityId };

export const PaymentProcessed = defineEvent('PaymentProcessed', {
  type: 'payment.processed',
  description: 'The payment of an order was captured.',
  data: z.object({ ...payment, amount: Money, status: z.literal('success'), gateway: z.string() }),
  subject: ({ paymentId }) => paymentId,
});

export const PaymentFailed = defineEvent('PaymentFailed', {
  type: 'payment.failed',
  description: 'The payment of an order failed.',
  data: z.object({ ...payment, reason: Reason }),
  subject: ({ paymentId }) => paymentId,
});

export const RefundProcessed = defineEvent('RefundProcessed', {
  type: 'payment.refunded',
  description: 'A payment was refunded in full or in part.',
  data: z.object({ refundId: EntityId, ...payment, amount: Money, status: z.literal('success') }),
  subject: ({ paymentId }) => paymentId,
});

export const RefundPayment = defineCommand('RefundPayment', {
  type: 'payment.refund',
  expires: true,
  description: 'Refund a given amount, or the rest of the payment.',
  data: z.object({
    paymentId: EntityId,
    refundId: EntityId,
    amount: Money.optional(),
    reason: Reason,
    precondition: Precondition.optional(),
  }),
  subject: ({ paymentId }) => paymentId,
});
