import { z } from 'zod';
import { invalid, refused } from '#kit/core/errors';
import { Money, add, compare, minor, ofMinor, subtract } from '#retail/money';

/** Derived from the order's id, so that a payment is found by either with one read. */
export const PaymentId = z
  .string()
  .regex(/^[\w-]{1,68}$/, 'must be 1 to 68 letters, digits, hyphens or underscores');

export function paymentIdOf(orderId: string): string {
  return `pay_${orderId}`;
}

const Refund = z.object({
  refundId: z.string(),
  amount: Money,
  reason: z.string(),
  /** `pending` is kept before the provider is asked: the money is spoken for. */
  status: z.enum(['pending', 'done', 'failed']),
  at: z.string(),
});
export type Refund = z.infer<typeof Refund>;

/**
 * What became of the one charge of an order, or of its authorisation. It has no token: that went to
 * the provider only.
 */
export const Payment = z.object({
  paymentId: z.string(),
  orderId: z.string(),
  status: z.enum(['authorised', 'captured', 'declined', 'voided', 'expired']),
  /** Empty where the order was voided before any charge was known. */
  userId: z.string(),
  /** What was charged. None where the order was voided before any charge was known. */
  amount: Money.optional(),
  /** It was authorised, and nothing of it was ever taken. */
  untaken: z.literal(true).optional(),
  method: z.string(),
  gateway: z.string(),
  reason: z.string().optional(),
  refunds: z.array(Refund),
  createdAt: z.string(),
  updatedAt: z.string(),
});
export type Payment = z.infer<typeof Payment>;

interface Charge {
  orderId: string;
  userId: string;
  amount: Money;
  method: string;
}

/** How a charge or an authorisation stands at the provider. */
interface Outcome {
  status: Payment['status'];
  reason?: string | undefined;
}

export function charged(asked: Charge, outcome: Outcome, gateway: string, at: string): Payment {
  const { orderId, userId, amount, method } = asked;
  const { status, reason } = outcome;
  // at the provider, a void overtook the charge: nothing was taken
  if (status === 'voided') return barred(undefined, orderId, gateway, at);
  return {
    paymentId: paymentIdOf(orderId),
    orderId,
    status,
    userId,
    amount,
    ...(status === 'authorised' || status === 'expired' ? { untaken: true } : {}),
    method,
    gateway,
    ...(reason === undefined ? {} : { reason }),
    refunds: [],
    createdAt: at,
    updatedAt: at,
  };
}

/** What was authorised, as its capture ended. A void that came in between stays. */
export function captured(now: Payment, { status, reason }: Outcome, at: string): Payment {
  if (now.status !== 'authorised') return now;
  const { untaken, ...rest } = now;
  const kept = status === 'captured' ? rest : now;
  return { ...kept, status, ...(reason === undefined ? {} : { reason }), updatedAt: at };
}

/** Voided: whatever is charged for the order from now on is not kept. */
export function barred(
  now: Payment | undefined,
  orderId: string,
  gateway: string,
  at: string,
): Payment {
  if (now === undefined) {
    const nobody = { userId: '', method: '', refunds: [], createdAt: at, updatedAt: at };
    return { paymentId: paymentIdOf(orderId), orderId, status: 'voided', gateway, ...nobody };
  }
  const { status } = now;
  const stands = status === 'captured' || status === 'authorised';
  return stands ? { ...now, status: 'voided', updatedAt: at } : now;
}

/** What was taken at some time and announced, whatever became of it afterwards. */
export function taken({ status, untaken, amount }: Payment): Money | undefined {
  return status === 'declined' || untaken ? undefined : amount;
}

/** Money that can be given back yet: neither given back nor spoken for. */
export function left(payment: Payment): Money | undefined {
  if (payment.status !== 'captured' || payment.amount === undefined) return undefined;
  return payment.refunds
    .filter(({ status }) => status !== 'failed')
    .reduce((rest, { amount }) => subtract(rest, amount), payment.amount);
}

/** The sum of the refunds that went through; none where there was no charge. */
export function refunded({ amount, refunds }: Payment): Money | undefined {
  if (amount === undefined) return undefined;
  return refunds
    .filter(({ status }) => status === 'done')
    .reduce((sum, refund) => add(sum, refund.amount), ofMinor(0n, amount.currency));
}

export interface RefundAsked {
  refundId: string;
  /** All that is left where it is absent. */
  amount?: Money | undefined;
  reason: string;
}

/** Speaks for the money of a refund. Nothing changes where all is given back, or the refund known. */
export function withRefund(now: Payment, asked: RefundAsked, at: string): Payment {
  if (now.refunds.some(({ refundId }) => refundId === asked.refundId)) return now;
  if (now.amount !== undefined && taken(now) === undefined) {
    throw refused('payment_not_captured', 'a payment that was not captured has nothing to refund');
  }
  const rest = left(now);
  const nothing = rest === undefined || minor(rest) === 0n;
  if (nothing && asked.amount === undefined) return now;
  const amount = asked.amount ?? rest;
  if (rest !== undefined && amount?.currency !== rest.currency) {
    throw invalid('amount.currency', `must be ${rest.currency}`);
  }
  if (nothing || amount === undefined || compare(amount, rest) > 0) {
    throw refused('refund_exceeds_payment', 'a refund may not be more than is left of the payment');
  }
  const { refundId, reason } = asked;
  const refund: Refund = { refundId, amount, reason, status: 'pending', at };
  return { ...now, refunds: [...now.refunds, refund], updatedAt: at };
}

export function refundOf(payment: Payment, refundId: string): Refund | undefined {
  return payment.refunds.find((refund) => refund.refundId === refundId);
}

/** A refund that the provider has carried out, or refused for good. */
export function settled(
  now: Payment,
  refundId: string,
  status: 'done' | 'failed',
  at: string,
): Payment {
  const refund = refundOf(now, refundId);
  if (refund?.status !== 'pending') return now;
  const refunds = now.refunds.map((one) => (one === refund ? { ...one, status, at } : one));
  return { ...now, refunds, updatedAt: at };
}

export function voidRefundId(paymentId: string): string {
  return `${paymentId}_void`;
}

/** What the provider gave back when a payment that was taken was voided. */
export function released(now: Payment, amount: Money, at: string): Payment {
  const refundId = voidRefundId(now.paymentId);
  if (refundOf(now, refundId) !== undefined) return now;
  const refund: Refund = { refundId, amount, reason: 'voided', status: 'done', at };
  return { ...now, refunds: [...now.refunds, refund], updatedAt: at };
}
