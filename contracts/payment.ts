import { z } from 'zod';
import { defineCommand, defineEvent } from '#kit/messages/contract';
import { Money } from '#retail/money';
import { EntityId, Reason } from '#contracts/fields';

const payment = { paymentId: EntityId, orderId: EntityId, userId: EntityId };

export const PaymentProcessed = defineEvent('PaymentProcessed', {
  type: 'payment.processed',
  description: 'The money for an order was taken.',
  data: z.object({ ...payment, amount: Money, status: z.literal('success'), gateway: z.string() }),
  subject: ({ paymentId }) => paymentId,
});

export const PaymentFailed = defineEvent('PaymentFailed', {
  type: 'payment.failed',
  description: 'The money for an order was refused.',
  data: z.object({ ...payment, reason: Reason }),
  subject: ({ paymentId }) => paymentId,
});

export const RefundProcessed = defineEvent('RefundProcessed', {
  type: 'payment.refunded',
  description: 'Money was given back: all of a payment, or a part of it.',
  data: z.object({ refundId: EntityId, ...payment, amount: Money, status: z.literal('success') }),
  subject: ({ paymentId }) => paymentId,
});

export const RefundPayment = defineCommand('RefundPayment', {
  type: 'payment.refund',
  description: 'Give back all that is left of a payment, or the amount given.',
  data: z.object({
    paymentId: EntityId,
    refundId: EntityId,
    amount: Money.optional(),
    reason: Reason,
  }),
  subject: ({ paymentId }) => paymentId,
});
