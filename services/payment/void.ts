import { requireRole } from '#kit/core/caller';
import { isoTime } from '#kit/core/clock';
import { validate } from '#kit/core/validation';
import { RefundProcessed } from '#contracts/payment';
import type { VoidRequest as VoidMessage } from '#proto/retail/payment/v1/payment_pb';
import { publishChargeResult } from './charge';
import type { Context } from './definition';
import { capturedAmount, paymentIdOf, voidPayment, voidRefundId, withVoidRefund } from './domain';
import { PROVIDER } from './provider';
import { openProvider } from './provider-client';
import { VoidRequest } from './requests';

/** Undoes an order's charge or authorisation, whatever its outcome, and blocks a later one. */
export async function voidCharge(request: VoidMessage, context: Context) {
  const { payments, publish, clock, log } = context;
  requireRole(context.caller, 'service');
  const { orderId } = validate(VoidRequest, request);
  const paymentId = paymentIdOf(orderId);
  // Stored before the request to the provider: a concurrent charge meets the void here or there.
  const payment = await payments.update(paymentId, (current) =>
    voidPayment(current, orderId, PROVIDER, isoTime(clock)),
  );
  // The charge may have crashed before it published its result, which must precede the refund.
  await publishChargeResult(payment, context);
  if (payment.status === 'declined' || payment.status === 'expired') return {};

  const { released: amount } = await openProvider(context).void(paymentId);
  if (amount === undefined) return {};
  if (capturedAmount(payment) === undefined) {
    // The capture got no response, so it was never published; neither is its refund.
    log.info({ paymentId, amount }, 'a charge of unknown outcome was voided');
    return {};
  }
  const { userId } = await payments.update(paymentId, (current = payment) =>
    withVoidRefund(current, amount, isoTime(clock)),
  );
  const refundId = voidRefundId(paymentId);
  const refund = { refundId, paymentId, orderId, userId, amount, status: 'success' } as const;
  await publish(RefundProcessed, refund, refundId);
  return {};
}
