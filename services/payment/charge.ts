import { allow } from '#kit/caller';
import { isoTime } from '#kit/clock';
import { checked } from '#kit/validate';
import { PaymentFailed, PaymentProcessed } from '#contracts/payment';
import type { ChargeRequest as ChargeMessage } from '#proto/retail/payment/v1/payment_pb';
import { type Payment, charged, paymentIdOf, taken } from './domain';
import { PROVIDER, openProvider } from './provider';
import { ChargeRequest } from './requests';
import type { Context } from './service';

/** Takes the money for an order, once. On the happy path: a look, the provider, a change. */
export async function charge(request: ChargeMessage, context: Context) {
  allow(context.caller, 'service');
  const asked = checked(ChargeRequest, request);
  const paymentId = paymentIdOf(asked.orderId);
  // A provider forgets its keys after a day or so: an order that is known is not asked for again.
  const payment = (await context.payments.get(paymentId)) ?? (await take(asked, context));
  await sayCharge(payment, context);
  return { paymentId, status: payment.status, reason: payment.reason ?? '' };
}

async function take(asked: ChargeRequest, context: Context): Promise<Payment> {
  const { payments, clock } = context;
  const paymentId = paymentIdOf(asked.orderId);
  const capture = await openProvider(context).capture(paymentId, asked.amount, asked.token);
  // Where a void came in between, its bar stays, and what was captured is the void's to give back.
  return payments.update(
    paymentId,
    (now) => now ?? charged(asked, capture, PROVIDER, isoTime(clock)),
  );
}

/** A charge comes about once: said by whoever finds it, as it may have been written but not said. */
export async function sayCharge(payment: Payment, { publish }: Context): Promise<void> {
  const { paymentId, orderId, userId, gateway, reason = 'declined' } = payment;
  const amount = taken(payment);
  if (amount !== undefined) {
    const how = { amount, status: 'success', gateway } as const;
    await publish(PaymentProcessed, { paymentId, orderId, userId, ...how }, 'charge');
  } else if (payment.status === 'declined') {
    await publish(PaymentFailed, { paymentId, orderId, userId, reason }, 'charge');
  }
}
