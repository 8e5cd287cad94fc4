import type { RouteExamples } from './types';
import { CREATED_AND_UPDATED, TIME, orderId, userId } from './values';

const paymentId = 'payment_Zt2a';
const amount = { amount: '19.99', currency: 'EUR' };
const payment = {
  paymentId,
  orderId,
  userId,
  amount: { amount: '39.98', currency: 'EUR' },
  refunded: { amount: '0.00', currency: 'EUR' },
  status: 'captured',
  method: 'card',
  gateway: 'simulator',
  refunds: [],
  ...CREATED_AND_UPDATED,
};
const refund = { refundId: 'refund_Hb4c', amount, status: 'done', at: TIME };

/** For routes/payments.ts. */
export const paymentExamples: RouteExamples = {
  'GET /payments/:paymentId': {
    summary: 'Returns a payment and its refunds',
    params: { paymentId },
    data: payment,
  },
  'POST /payments/:paymentId/refunds': {
    summary: 'Refunds a part of a payment, or all that is left of it if no amount is given',
    optional: ['amount', 'reason'],
    params: { paymentId },
    body: { amount, reason: 'goodwill' },
    data: { ...payment, refunded: amount, refunds: [refund] },
  },
};
