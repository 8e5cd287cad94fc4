import { z } from 'zod';
import { Money, PositiveMoney } from '#retail/money';
import { PaymentMeans } from '#retail/payment-means';
import { Id } from '#kit/core/validation';
import type { RefundRequest as RefundMessage } from '#proto/retail/payment/v1/payment_pb';
import { Reason } from '#contracts/fields';
import { PaymentId } from './domain';

export const ChargeRequest = z.object({
  orderId: Id,
  userId: Id,
  amount: Money,
  ...PaymentMeans.shape,
});
export type ChargeRequest = z.output<typeof ChargeRequest>;

export const CaptureRequest = z.object({ orderId: Id });
export const VoidRequest = z.object({ orderId: Id });

export const GetPaymentRequest = z.object({ paymentId: PaymentId });

export const RefundRequest = z
  .object({
    paymentId: PaymentId.optional(),
    orderId: Id.optional(),
    amount: PositiveMoney.optional(),
    reason: z
      .string()
      .transform((given) => (given === '' ? 'requested' : given))
      .pipe(Reason),
    key: Id.optional(),
  })
  .refine(({ paymentId, orderId }) => paymentId !== undefined || orderId !== undefined, {
    path: ['paymentId'],
    message: 'is missing',
  });

/** The request with its target as a field, so that an error names the field that the caller set. */
export function withTarget({ target, amount, reason, key }: RefundMessage) {
  return {
    ...(target.case === undefined ? {} : { [target.case]: target.value }),
    amount,
    reason,
    key,
  };
}
