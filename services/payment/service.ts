import { type ContextOf, Service } from '#kit/service';
import {
  PaymentFailed,
  PaymentProcessed,
  RefundPayment,
  RefundProcessed,
} from '#contracts/payment';
import { PaymentService } from '#proto/retail/payment/v1/payment_pb';
import { authorize, capture, charge } from './charge';
import { Payment } from './domain';
import { getPayment } from './get-payment';
import { giveBack, refund } from './refund';
import { PROVIDER, PROVIDER_MS } from './provider';
import { voidCharge } from './void';

export const payment = new Service('payment', {
  serves: PaymentService,
  stores: { payments: Payment },
  endpoints: [PROVIDER],
  deadlines: { [PROVIDER]: PROVIDER_MS },
  publishes: [PaymentProcessed, PaymentFailed, RefundProcessed, RefundPayment],
});

export type Context = ContextOf<typeof payment>;

payment.serve({ charge, authorize, capture, void: voidCharge, refund, getPayment });
payment.on(RefundPayment, giveBack);
