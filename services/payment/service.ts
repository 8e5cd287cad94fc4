import { type ContextOf, Service } from '#kit/service';
import {
  PaymentFailed,
  PaymentProcessed,
  RefundPayment,
  RefundProcessed,
} from '#contracts/payment';
import { PaymentService } from '#proto/retail/payment/v1/payment_pb';
import { charge } from './charge';
import { Payment } from './domain';
import { getPayment } from './get-payment';
import { giveBack, refund } from './refund';
import { LedgerEntry } from './simulator';
import { voidCharge } from './void';

export const payment = new Service('payment', {
  serves: PaymentService,
  // the ledger is the simulated provider's, and nobody's but the simulator's to read
  stores: { payments: Payment, ledger: LedgerEntry },
  publishes: [PaymentProcessed, PaymentFailed, RefundProcessed, RefundPayment],
});

export type Context = ContextOf<typeof payment>;

payment.serve({ charge, void: voidCharge, refund, getPayment });
payment.on(RefundPayment, giveBack);
