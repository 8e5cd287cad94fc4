import { PaymentService } from '#proto/retail/payment/v1/payment_pb';
import { ADMINS, SIGNED_IN } from '../auth/access';
import { type Route, call } from './types';

const payment = PaymentService.method;

export const paymentRoutes: readonly Route[] = [
  call('GET', '/payments/:paymentId', 'payment', payment.getPayment, {
    access: SIGNED_IN,
    owner: 'buyer',
    limit: 'payment',
  }),
  call('POST', '/payments/:paymentId/refunds', 'payment', payment.refund, {
    access: ADMINS,
    owner: 'admin',
    status: 201,
    body: ['amount', 'reason'],
    idempotent: true,
    limit: 'payment',
    resource: payment.getPayment,
  }),
];
