import { z } from 'zod';
import { invalid, refused } from '#kit/core/errors';
import { Money, add, compare, minor, ofMinor, subtract } from '#retail/money';
import type { ProviderOutcome } from './provider';

/** Computed from the order's id, so that one read finds a payment by either id. */
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
  /** `pending` is stored before the request to the provider: the amount is reserved. */
  status: z.enum(['pending', 'done', 'failed']),
  at: z.string(),
});
export type Refund = z.infer<typeof Refund>;

/**
 * The one charge or authorisation of an order. The payment token is not stored: only the provider
 * receives it.
 */
export const Payment = z.object({
  paymentId: z.string(),
  orderId: z.string(),
  status: z.enum(['authorised', 'captured', 'declined', 'voided', 'expired']),
  /** Empty if the order was voided before any charge was stored. */
  userId: z.string(),
  /** The charged amount; absent if the order was voided before any charge was stored. */
  amount: Money.optional(),
  /** Set while an authorisation is not captured. */
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

/** A payment after the provider's response to its charge or authorisation. */
export function newPayment(
  request: Charge,
  outcome: ProviderOutcome,
  gateway: string,
  at: string,
): Payment {
  const { orderId, userId, amount, method } = request;
  const { status, reason } = outcome;
  // a void reached the provider first: nothing was captured
  if (status === 'voided') return voidPayment(undefined, orderId, gateway, at);
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

/** The outcome of capturing an authorisation. A void that came in between stays. */
export function applyCapture(
  current: Payment,
  { status, reason }: ProviderOutcome,
  at: string,
): Payment {
  if (current.status !== 'authorised') return current;
  const { untaken, ...rest } = current;
  const kept = status === 'captured' ? rest : current;
  return { ...kept, status, ...(reason === undefined ? {} : { reason }), updatedAt: at };
}

/** Voids a payment. A charge for the order that arrives later is not stored. */
export function voidPayment(
  current: Payment | undefined,
  orderId: string,
  gateway: string,
  at: string,
): Payment {
  if (current === undefined) {
    const unknownCharge = { userId: '', method: '', refunds: [], createdAt: at, updatedAt: at };
    return {
      paymentId: paymentIdOf(orderId),
      orderId,
      status: 'voided',
      gateway,
      ...unknownCharge,
    };
  }
  const { status } = current;
  const isActive = status === 'captured' || status === 'authorised';
  return isActive ? { ...current, status: 'voided', updatedAt: at } : current;
}

/** The amount that was captured and published, including if it was refunded or voided since. */
export function capturedAmount({ status, untaken, amount }: Payment): Money | undefined {
  return status === 'declined' || untaken ? undefined : amount;
}

/** The amount that can still be refunded: less refunds that are done or pending. */
export function refundableAmount(payment: Payment): Money | undefined {
  if (payment.status !== 'captured' || payment.amount === undefined) return undefined;
  return payment.refunds
    .filter(({ status }) => status !== 'failed')
    .reduce((rest, { amount }) => subtract(rest, amount), payment.amount);
}

/** The sum of the completed refunds; undefined if there was no charge. */
export function refundedAmount({ amount, refunds }: Payment): Money | undefined {
  if (amount === undefined) return undefined;
  return refunds
    .filter(({ status }) => status === 'done')
    .reduce((sum, refund) => add(sum, refund.amount), ofMinor(0n, amount.currency));
}

export interface RefundRequested {
  refundId: string;
  /** Absent: all that can still be refunded. */
  amount?: Money | undefined;
  reason: string;
  /** The amount is cut to what can still be refunded, instead of refused. */
  atMost?: true | undefined;
}

/**
 * Reserves the amount of a refund. Returns the payment unchanged if the refund is already stored, or if
 * everything is refunded already and no amount is required.
 */
export function addPendingRefund(current: Payment, request: RefundRequested, at: string): Payment {
  if (current.refunds.some(({ refundId }) => refundId === request.refundId)) return current;
  if (current.amount !== undefined && capturedAmount(current) === undefined) {
    throw refused(
      'payment_not_captured',
      'the payment was not captured, so there is nothing to refund',
    );
  }
  const rest = refundableAmount(current);
  const nothing = rest === undefined || minor(rest) === 0n;
  if (nothing && (request.amount === undefined || request.atMost)) return current;
  let amount = request.amount ?? rest;
  if (rest !== undefined && amount?.currency !== rest.currency) {
    throw invalid('amount.currency', `must be ${rest.currency}`);
  }
  if (request.atMost && !nothing && amount !== undefined && compare(amount, rest) > 0)
    amount = rest;
  if (nothing || amount === undefined || compare(amount, rest) > 0) {
    throw refused(
      'refund_exceeds_payment',
      'the refund exceeds the amount that is left of the payment',
    );
  }
  const { refundId, reason } = request;
  const refund: Refund = { refundId, amount, reason, status: 'pending', at };
  return { ...current, refunds: [...current.refunds, refund], updatedAt: at };
}

export function findRefund(payment: Payment, refundId: string): Refund | undefined {
  return payment.refunds.find((refund) => refund.refundId === refundId);
}

/** Stores that the provider carried out a refund, or refused it for good. */
export function settleRefund(
  current: Payment,
  refundId: string,
  status: 'done' | 'failed',
  at: string,
): Payment {
  const refund = findRefund(current, refundId);
  if (refund?.status !== 'pending') return current;
  const refunds = current.refunds.map((one) => (one === refund ? { ...one, status, at } : one));
  return { ...current, refunds, updatedAt: at };
}

export function voidRefundId(paymentId: string): string {
  return `${paymentId}_void`;
}

/** Adds the refund that the provider made when a captured payment was voided. */
export function withVoidRefund(current: Payment, amount: Money, at: string): Payment {
  const refundId = voidRefundId(current.paymentId);
  if (findRefund(current, refundId) !== undefined) return current;
  const refund: Refund = { refundId, amount, reason: 'voided', status: 'done', at };
  return { ...current, refunds: [...current.refunds, refund], updatedAt: at };
}
