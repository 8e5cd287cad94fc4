import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
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
      at: moment(at),
    })),
    createdAt: moment(createdAt),
    updatedAt: moment(updatedAt),
  };
}

function moment(iso: string) {
  return timestampFromDate(new Date(iso));
}
