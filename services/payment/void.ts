import { requireRole } from '#kit/core/caller';
import { isoTime } from '#kit/core/clock';
import { validate } from '#kit/core/validation';
import { RefundProcessed } from '#contracts/payment';
import type { VoidRequest as VoidMessage } from '#proto/retail/payment/v1/payment_pb';
import { sayCharge } from './charge';
import { barred, paymentIdOf, released, taken, voidRefundId } from './domain';
import { PROVIDER, openProvider } from './provider';
import { VoidRequest } from './requests';
import type { Context } from './definition';

/** Undoes whatever became of an order's charge or authorisation, known or not, and bars a later one. */
export async function voidCharge(request: VoidMessage, context: Context) {
  const { payments, publish, clock, log } = context;
  requireRole(context.caller, 'service');
  const { orderId } = validate(VoidRequest, request);
  const paymentId = paymentIdOf(orderId);
  // The bar comes first: a charge that is under way meets it here, or the void at the provider.
  const payment = await payments.update(paymentId, (now) =>
    barred(now, orderId, PROVIDER, isoTime(clock)),
  );
  // the charge may have died before it said what became of it, and nothing is given back before that
  await sayCharge(payment, context);
  if (payment.status === 'declined' || payment.status === 'expired') return {};

  const { released: amount } = await openProvider(context).void(paymentId);
  if (amount === undefined) return {};
  if (taken(payment) === undefined) {
    // it was taken without an answer: nobody was told, so nobody is told that it came back
    log.info({ paymentId, amount }, 'an unknown charge was undone');
    return {};
  }
  const { userId } = await payments.update(paymentId, (now = payment) =>
    released(now, amount, isoTime(clock)),
  );
  const refundId = voidRefundId(paymentId);
  const refund = { refundId, paymentId, orderId, userId, amount, status: 'success' } as const;
  await publish(RefundProcessed, refund, refundId);
  return {};
}
