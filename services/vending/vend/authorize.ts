import { type StepSuccess, type StepFailure, retryWithin } from '#kit/saga/saga-steps';
import type { Context } from '../definition';
import { AUTHORIZE_MS, BUYER_WAIT_MS, COMPENSATION_MS } from '../timeouts';
import type { Vend } from './vend';

/**
 * Authorises the payment of a vend. After a timeout it is unknown whether the payment was authorised.
 * Payment deduplicates by the vend's id, so the call is retried.
 */
export function authorize(
  vend: Vend,
  context: Context,
): Promise<StepSuccess<object> | StepFailure> {
  const { vendId: orderId, userId, price: amount, payment, createdAt } = vend;
  const request = { orderId, userId, ...(amount && { amount }), ...payment };
  const attempt = async (): Promise<StepSuccess<object> | StepFailure> => {
    const { status, reason } = await context.payment.authorize(request);
    if (status === 'authorised') return { outcome: 'done' };
    const outcome = status === 'declined' ? 'declined' : 'refused';
    return { outcome, reason: reason === '' ? status : reason };
  };
  const policy = {
    attempts: 3,
    pauseMs: 1_000,
    minRemainingMs: AUTHORIZE_MS + COMPENSATION_MS,
    retryUntil: Date.parse(createdAt) + BUYER_WAIT_MS,
  };
  return retryWithin(attempt, policy, context);
}
