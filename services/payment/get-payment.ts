import { toTimestamp } from '#kit/core/timestamps';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { requireOwner } from '#kit/core/caller';
import { validate } from '#kit/core/validation';
import type {
  GetPaymentRequest as GetPaymentMessage,
  PaymentSchema,
} from '#proto/retail/payment/v1/payment_pb';
import { type Payment, refunded } from './domain';
import { GetPaymentRequest } from './requests';
import type { Context } from './definition';

export async function getPayment(request: GetPaymentMessage, { payments, caller }: Context) {
  const { paymentId } = validate(GetPaymentRequest, request);
  return toMessage(requireOwner(caller, await payments.get(paymentId), 'payment'));
}

export function toMessage(payment: Payment): MessageInitShape<typeof PaymentSchema> {
  const { amount, reason, refunds, createdAt, updatedAt, ...same } = payment;
  const given = refunded(payment);
  return {
    ...same,
    ...(amount === undefined ? {} : { amount }),
    ...(given === undefined ? {} : { refunded: given }),
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
