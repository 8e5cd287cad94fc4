import { requireRole } from '#kit/core/caller';
import { isoTime } from '#kit/core/clock';
import { validate } from '#kit/core/validation';
import { PaymentFailed, PaymentProcessed } from '#contracts/payment';
import type {
  AuthorizeRequest as AuthorizeMessage,
  CaptureRequest as CaptureMessage,
  ChargeRequest as ChargeMessage,
} from '#proto/retail/payment/v1/payment_pb';
import { type Payment, captured, charged, paymentIdOf, taken } from './domain';
import { PROVIDER, type Provider, openProvider } from './provider';
import { CaptureRequest, ChargeRequest } from './requests';
import type { Context } from './definition';

/** Takes the money for an order, once. On the happy path: a look, the provider, a change. */
export function charge(request: ChargeMessage, context: Context) {
  return begin('capture', request, context);
}

/** Has the money for an order kept ready, once, and takes none of it. */
export function authorize(request: AuthorizeMessage, context: Context) {
  return begin('authorize', request, context);
}

async function begin(
  how: keyof Pick<Provider, 'capture' | 'authorize'>,
  request: ChargeMessage | AuthorizeMessage,
  context: Context,
) {
  const { payments, caller, clock } = context;
  requireRole(caller, 'service');
  const asked = validate(ChargeRequest, request);
  const paymentId = paymentIdOf(asked.orderId);
  const ask = async () => {
    const outcome = await openProvider(context)[how](paymentId, asked.amount, asked.token);
    // Where a void came in between, its bar stays, and what was captured is the void's to give back.
    return payments.update(
      paymentId,
      (now) => now ?? charged(asked, outcome, PROVIDER, isoTime(clock)),
    );
  };
  // A provider forgets its keys after a day or so: an order that is known is not asked for again.
  return answer((await payments.get(paymentId)) ?? (await ask()), context);
}

/** Takes what was authorised for an order, once. */
export async function capture(request: CaptureMessage, context: Context) {
  const { payments, caller, clock } = context;
  requireRole(caller, 'service');
  const paymentId = paymentIdOf(validate(CaptureRequest, request).orderId);
  const known = await payments.getOrThrow(paymentId);
  if (known.status !== 'authorised') return answer(known, context);
  const outcome = await openProvider(context).captureAuthorized(paymentId);
  const payment = await payments.update(paymentId, (now = known) =>
    captured(now, outcome, isoTime(clock)),
  );
  return answer(payment, context);
}

async function answer(payment: Payment, context: Context) {
  await sayCharge(payment, context);
  const { paymentId, status, reason = '' } = payment;
  return { paymentId, status, reason };
}

/** A charge comes about once: said by whoever finds it, as it may have been written but not said. */
export async function sayCharge(payment: Payment, { publish }: Context): Promise<void> {
  const { paymentId, orderId, userId, status, gateway, reason = status } = payment;
  const amount = taken(payment);
  if (amount !== undefined) {
    const how = { amount, status: 'success', gateway } as const;
    await publish(PaymentProcessed, { paymentId, orderId, userId, ...how }, 'charge');
  } else if (status === 'declined' || status === 'expired') {
    await publish(PaymentFailed, { paymentId, orderId, userId, reason }, 'charge');
  }
}
