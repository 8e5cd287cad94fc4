import { requireRole } from '#kit/core/caller';
import { isoTime } from '#kit/core/clock';
import type { EventData } from '#kit/messages/contract';
import { notFound, refused, stillInProgress } from '#kit/core/errors';
import { requirePrecondition } from '#kit/core/precondition';
import { validate } from '#kit/core/validation';
import { RefundPayment, RefundProcessed } from '#contracts/payment';
import type { RefundRequest as RefundMessage } from '#proto/retail/payment/v1/payment_pb';
import type { Context } from './definition';
import {
  type Payment,
  type RefundRequested,
  addPendingRefund,
  findRefund,
  paymentIdOf,
  settleRefund,
} from './domain';
import { toMessage } from './get-payment';
import { openProvider } from './provider-client';
import { RefundRequest, withTarget } from './requests';

/** Refunds a part of a payment, or all that is left of it. */
export async function refund(message: RefundMessage, context: Context) {
  const { caller, callContext, newId, payments, dispatchAndWait, clock, precondition } = context;
  requireRole(caller, 'admin', 'service');
  const {
    orderId = '',
    amount,
    reason,
    key,
    ...request
  } = validate(RefundRequest, withTarget(message));
  const paymentId = request.paymentId ?? paymentIdOf(orderId);
  // A service's full refund happens once for a payment, a named one once for its key, and any other once
  // for a request.
  const isByService = caller.role === 'service';
  const name = amount === undefined ? 'refund' : key;
  const refundId = isByService && name !== undefined ? `${paymentId}_${name}` : newId('refund');
  const command = { paymentId, refundId, reason, ...(amount === undefined ? {} : { amount }) };

  // A service retries its own work until it is done, so its refund runs here. An admin's request is
  // not retried, so it becomes a command; a refund that would be refused fails before that.
  const atMost = key === undefined ? undefined : true;
  if (isByService) return toMessage(await executeRefund({ ...command, atMost }, context));
  addPendingRefund(requirePayment(await payments.get(paymentId)), command, isoTime(clock));
  const conditional = { ...command, precondition };
  const refunded = await dispatchAndWait(RefundPayment, conditional, () => payments.get(paymentId));
  if (refunded === undefined && !callContext.respondAsync) throw stillInProgress('the refund');
  return toMessage(refunded ?? requirePayment(await payments.get(paymentId)));
}

export async function executeRefund(
  command: EventData<typeof RefundPayment> & Pick<RefundRequested, 'atMost'>,
  context: Context,
): Promise<Payment> {
  const { payments, publish, clock } = context;
  const { paymentId, refundId } = command;
  // The amount is reserved before the money moves, so concurrent refunds cannot exceed the payment.
  let payment = await payments.update(paymentId, (current) => {
    const known = requirePayment(current);
    // a redelivery finds its own refund
    if (findRefund(known, refundId) === undefined) requirePrecondition(command.precondition, known);
    return addPendingRefund(known, command, isoTime(clock));
  });
  const requested = findRefund(payment, refundId);
  if (requested === undefined) return payment;
  const { amount } = requested;
  if (requested.status === 'pending') {
    const result = await openProvider(context).refund(refundId, paymentId, amount);
    const status = result === 'done' ? 'done' : 'failed';
    payment = await payments.update(paymentId, (current) =>
      settleRefund(requirePayment(current), refundId, status, isoTime(clock)),
    );
  }
  if (findRefund(payment, refundId)?.status === 'done') {
    const { orderId, userId } = payment;
    const processed = { refundId, paymentId, orderId, userId, amount, status: 'success' } as const;
    await publish(RefundProcessed, processed, refundId);
  } else if (command.amount !== undefined || payment.status !== 'voided') {
    throw refused('refund_refused', 'the payment provider refused the refund');
  }
  return payment;
}

function requirePayment(payment: Payment | undefined): Payment {
  if (payment === undefined) throw notFound('payment');
  return payment;
}
