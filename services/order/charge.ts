import { type StepSuccess, type StepFailure, retryWithin } from '#kit/saga/saga-steps';
import type { Order } from './domain';
import type { Context } from './definition';

/** Longest that payment may take for one answer: its provider has 2.5 s, its documents the rest. */
export const CHARGE_MS = 4_000;
/** A provider that stumbles is asked so often, with time to recover in between. */
const ATTEMPTS = 3;
const PAUSE_MS = 1_000;
/**
 * What must be left of a handling's 18 s after an attempt: for a void as long as a charge, for a
 * release (4 s), and for writing and saying what came of it. So of a silent provider there are two
 * attempts (2.5 s each), of quick failures three; and where time runs out even so, the order is
 * decided by then, and goes on from there when it is given again.
 */
const AFTERWARDS_MS = CHARGE_MS + 5_000;
/**
 * So long after it was placed an order is tried again where payment is away: longer than a breaker
 * is open or a process takes to come back, and half of what its buyer waits. Silence is another
 * thing: the money may be gone.
 */
const PATIENCE_MS = 15_000;

/**
 * Takes the money for an order. No answer leaves unknown whether it was taken. Payment knows the
 * order, so it is asked again without risk; but not for ever, as the items are held meanwhile.
 */
export function charge(
  { orderId, userId, totalAmount: amount, instructions, createdAt }: Order,
  context: Context,
): Promise<StepSuccess<{ paymentId: string }> | StepFailure> {
  const request = { orderId, userId, amount, ...instructions?.payment };
  const ask = async (): Promise<StepSuccess<{ paymentId: string }> | StepFailure> => {
    const { status, paymentId, reason } = await context.payment.charge(request);
    if (status === 'captured') return { outcome: 'done', paymentId };
    const outcome = status === 'declined' ? 'declined' : 'refused';
    return { outcome, reason: reason === '' ? status : reason };
  };
  const patience = {
    ...{ attempts: ATTEMPTS, pauseMs: PAUSE_MS, minRemainingMs: CHARGE_MS + AFTERWARDS_MS },
    retryUntil: Date.parse(createdAt) + PATIENCE_MS,
  };
  return retryWithin(ask, patience, context);
}
