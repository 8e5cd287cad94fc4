import { type StepSuccess, type StepFailure, retryWithin } from '#kit/saga/saga-steps';
import type { Context } from './definition';
import type { Order } from './domain';
import {
  CHARGE_ATTEMPTS,
  CHARGE_MS,
  CHARGE_PAUSE_MS,
  CHARGE_RETRY_MS,
  COMPENSATION_MS,
} from './timeouts';

/**
 * Charges the buyer. A charge that gets no response is `unknown`: the money may have been taken. It
 * is idempotent by orderId, so a retry is safe; the retries are bounded because the items stay
 * reserved meanwhile.
 */
export function charge(
  { orderId, userId, totalAmount: amount, instructions, createdAt }: Order,
  context: Context,
): Promise<StepSuccess<{ paymentId: string }> | StepFailure> {
  const request = { orderId, userId, amount, ...instructions?.payment };
  const attempt = async (): Promise<StepSuccess<{ paymentId: string }> | StepFailure> => {
    const { status, paymentId, reason } = await context.payment.charge(request);
    if (status === 'captured') return { outcome: 'done', paymentId };
    const outcome = status === 'declined' ? 'declined' : 'refused';
    return { outcome, reason: reason === '' ? status : reason };
  };
  const policy = {
    attempts: CHARGE_ATTEMPTS,
    pauseMs: CHARGE_PAUSE_MS,
    minRemainingMs: CHARGE_MS + COMPENSATION_MS,
    retryUntil: Date.parse(createdAt) + CHARGE_RETRY_MS,
  };
  return retryWithin(attempt, policy, context);
}
