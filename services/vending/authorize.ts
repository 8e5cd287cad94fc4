import { type StepSuccess, type StepFailure, retryWithin } from '#kit/saga/saga-steps';
import type { Vend } from './domain';
import type { Context } from './definition';

/** Longest that payment may take for one answer: its provider has 2.5 s, its documents the rest. */
export const AUTHORIZE_MS = 4_000;
/**
 * What must be left of a handling's 18 s after an attempt: for a void as long as an authorisation,
 * for a release and a claim (3 s each), and for writing and saying what came of it.
 */
const AFTERWARDS_MS = AUTHORIZE_MS + 6_000;
/** So long a buyer waits before a machine while something is away. */
export const PATIENCE_MS = 10_000;

/**
 * Has the money for a vend kept ready. No answer leaves unknown whether it is; payment knows the
 * vend, so it is asked again without risk.
 */
export function authorize(
  vend: Vend,
  context: Context,
): Promise<StepSuccess<object> | StepFailure> {
  const { vendId: orderId, userId, price: amount, payment, createdAt } = vend;
  const request = { orderId, userId, ...(amount && { amount }), ...payment };
  const ask = async (): Promise<StepSuccess<object> | StepFailure> => {
    const { status, reason } = await context.payment.authorize(request);
    if (status === 'authorised') return { outcome: 'done' };
    const outcome = status === 'declined' ? 'declined' : 'refused';
    return { outcome, reason: reason === '' ? status : reason };
  };
  const patience = {
    ...{ attempts: 3, pauseMs: 1_000, minRemainingMs: AUTHORIZE_MS + AFTERWARDS_MS },
    retryUntil: Date.parse(createdAt) + PATIENCE_MS,
  };
  return retryWithin(ask, patience, context);
}
