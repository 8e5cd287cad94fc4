import { type ContextOf, Service } from '#kit/service/service';
import {
  PaymentFailed,
  PaymentProcessed,
  RefundPayment,
  RefundProcessed,
} from '#contracts/payment';
import { PaymentService } from '#proto/retail/payment/v1/payment_pb';
import { Payment } from './domain';
import { PROVIDER } from './provider';
import { PROVIDER_MS } from './timeouts';

/** Charges, authorisations, voids and refunds. The money is moved by an external provider. */
export const payment = new Service('payment', {
  serves: PaymentService,
  stores: { payments: Payment },
  endpoints: [PROVIDER],
  callTimeouts: { [PROVIDER]: PROVIDER_MS },
  publishes: [PaymentProcessed, PaymentFailed, RefundProcessed, RefundPayment],
});

export type Context = ContextOf<typeof payment>;
