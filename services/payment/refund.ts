import { requireRole } from '#kit/core/caller';
import { isoTime } from '#kit/core/clock';
import type { EventData } from '#kit/messages/contract';
import { notFound, refused } from '#kit/core/errors';
import { validate } from '#kit/core/validation';
import { RefundPayment, RefundProcessed } from '#contracts/payment';
import type { RefundRequest as RefundMessage } from '#proto/retail/payment/v1/payment_pb';
import { type Payment, paymentIdOf, refundOf, settled, withRefund } from './domain';
import { toMessage } from './get-payment';
import { openProvider } from './provider';
import { RefundRequest, withTarget } from './requests';
import type { Context } from './definition';

/** Gives back all that is left of a payment, or a part of it. */
export async function refund(request: RefundMessage, context: Context) {
  const { caller, newId, payments, dispatchAndWait, clock } = context;
  requireRole(caller, 'admin', 'service');
  const asked = validate(RefundRequest, withTarget(request));
  const { amount, reason } = asked;
  const paymentId = asked.paymentId ?? paymentIdOf(asked.orderId ?? '');
  // A service gives all of it back once, however often it comes to ask; a part of it once per cause.
  const whole = caller.role === 'service' && amount === undefined;
  const refundId = whole ? `${paymentId}_refund` : newId('refund');
  const command = { paymentId, refundId, reason, ...(amount === undefined ? {} : { amount }) };

  // A service asks from work of its own that is repeated until it is done. An admin's wish is not,
  // so it becomes a command; what it would be refused for is looked at first.
  if (caller.role === 'service') return toMessage(await giveBack(command, context));
  withRefund(needed(await payments.get(paymentId)), command, isoTime(clock));
  const done = await dispatchAndWait(RefundPayment, command, () => payments.get(paymentId));
  return toMessage(done ?? needed(await payments.get(paymentId)));
}

export async function giveBack(
  asked: EventData<typeof RefundPayment>,
  context: Context,
): Promise<Payment> {
  const { payments, publish, clock } = context;
  const { paymentId, refundId } = asked;
  // The money is spoken for before it moves, so that refunds at once cannot exceed the payment.
  let payment = await payments.update(paymentId, (now) =>
    withRefund(needed(now), asked, isoTime(clock)),
  );
  const planned = refundOf(payment, refundId);
  if (planned === undefined) return payment;
  if (planned.status === 'pending') {
    const answer = await openProvider(context).refund(refundId, paymentId, planned.amount);
    const status = answer === 'done' ? 'done' : 'failed';
    payment = await payments.update(paymentId, (now) =>
      settled(needed(now), refundId, status, isoTime(clock)),
    );
  }
  if (refundOf(payment, refundId)?.status === 'done') {
    const { orderId, userId } = payment;
    const { amount } = planned;
    const said = { refundId, paymentId, orderId, userId, amount, status: 'success' } as const;
    await publish(RefundProcessed, said, refundId);
  } else if (asked.amount !== undefined || payment.status !== 'voided') {
    throw refused('refund_refused', 'the payment provider refused the refund');
  }
  return payment;
}

function needed(payment: Payment | undefined): Payment {
  if (payment === undefined) throw notFound('payment');
  return payment;
}
