import { requireRole } from '#kit/core/caller';
import { isoTime } from '#kit/core/clock';
import { validate } from '#kit/core/validation';
import { PaymentFailed, PaymentProcessed } from '#contracts/payment';
import type {
  AuthorizeRequest as AuthorizeMessage,
  CaptureRequest as CaptureMessage,
  ChargeRequest as ChargeMessage,
} from '#proto/retail/payment/v1/payment_pb';
import type { Context } from './definition';
import { type Payment, applyCapture, capturedAmount, newPayment, paymentIdOf } from './domain';
import { PROVIDER, type Provider } from './provider';
import { openProvider } from './provider-client';
import { CaptureRequest, ChargeRequest } from './requests';

/** Captures the amount of an order, once. Costs one read, one request to the provider and one write. */
export function charge(request: ChargeMessage, context: Context) {
  return chargeOnce('capture', request, context);
}

/** Holds the amount of an order for a later capture, once. */
export function authorize(request: AuthorizeMessage, context: Context) {
  return chargeOnce('authorize', request, context);
}

async function chargeOnce(
  operation: keyof Pick<Provider, 'capture' | 'authorize'>,
  message: ChargeMessage | AuthorizeMessage,
  context: Context,
) {
  const { payments, caller, clock } = context;
  requireRole(caller, 'service');
  const request = validate(ChargeRequest, message);
  const paymentId = paymentIdOf(request.orderId);
  const store = async () => {
    const { amount, token } = request;
    const outcome = await openProvider(context)[operation](paymentId, amount, token);
    // A void that came in between stays stored; it refunds what was captured here.
    return payments.update(
      paymentId,
      (current) => current ?? newPayment(request, outcome, PROVIDER, isoTime(clock)),
    );
  };
  // A provider forgets its keys after about a day, so a stored payment is not requested again.
  return publishAndRespond((await payments.get(paymentId)) ?? (await store()), context);
}

/** Captures the authorised amount of an order, once. */
export async function capture(request: CaptureMessage, context: Context) {
  const { payments, caller, clock } = context;
  requireRole(caller, 'service');
  const paymentId = paymentIdOf(validate(CaptureRequest, request).orderId);
  const existing = await payments.getOrThrow(paymentId);
  if (existing.status !== 'authorised') return publishAndRespond(existing, context);
  const outcome = await openProvider(context).captureAuthorized(paymentId);
  const payment = await payments.update(paymentId, (current = existing) =>
    applyCapture(current, outcome, isoTime(clock)),
  );
  return publishAndRespond(payment, context);
}

async function publishAndRespond(payment: Payment, context: Context) {
  await publishChargeResult(payment, context);
  const { paymentId, status, reason = '' } = payment;
  return { paymentId, status, reason };
}

/**
 * Publishes how a charge ended. Every execution that finds the result publishes the same event,
 * because the one that stored it may have crashed before it published.
 */
export async function publishChargeResult(payment: Payment, { publish }: Context): Promise<void> {
  const { paymentId, orderId, userId, status, gateway, reason = status } = payment;
  const amount = capturedAmount(payment);
  if (amount !== undefined) {
    const result = { amount, status: 'success', gateway } as const;
    await publish(PaymentProcessed, { paymentId, orderId, userId, ...result }, 'charge');
  } else if (status === 'declined' || status === 'expired') {
    await publish(PaymentFailed, { paymentId, orderId, userId, reason }, 'charge');
  }
}
