import type { MessageInitShape } from '@bufbuild/protobuf';
import { requireOwner } from '#kit/core/caller';
import { toTimestamp } from '#kit/core/timestamps';
import { validate } from '#kit/core/validation';
import type {
  GetPaymentRequest as GetPaymentMessage,
  PaymentSchema,
} from '#proto/retail/payment/v1/payment_pb';
import type { Context } from './definition';
import { type Payment, refundedAmount } from './domain';
import { GetPaymentRequest } from './requests';

export async function getPayment(request: GetPaymentMessage, { payments, caller }: Context) {
  const { paymentId } = validate(GetPaymentRequest, request);
  return toMessage(requireOwner(caller, await payments.get(paymentId), 'payment'));
}

/** A payment as callers see it: its refunds without their reasons. */
export function toMessage(payment: Payment): MessageInitShape<typeof PaymentSchema> {
  const { amount, reason, refunds, createdAt, updatedAt, ...rest } = payment;
  const refunded = refundedAmount(payment);
  return {
    ...rest,
    ...(amount === undefined ? {} : { amount }),
    ...(refunded === undefined ? {} : { refunded }),
    ...(reason === undefined ? {} : { reason }),
    refunds: refunds.map(({ refundId, amount: part, status, at }) => ({
      refundId,
      amount: part,
      status,
      at: toTimestamp(at),
    })),
    createdAt: toTimestamp(createdAt),
    updatedAt: toTimestamp(updatedAt),
  };
}
