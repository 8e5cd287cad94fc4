import { Code, MicroserviceError, isTransient } from '#kit/errors';
import type { Order } from './domain';
import type { Context } from './service';
import type { Done, NotDone } from './story';

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
export async function charge(
  { orderId, userId, totalAmount: amount, instructions, createdAt }: Order,
  { payment, clock, cause }: Context,
): Promise<Done<{ paymentId: string }> | NotDone> {
  const request = { orderId, userId, amount, ...instructions?.payment };
  for (let attempt = 1; ; attempt++) {
    try {
      const { status, paymentId, reason } = await payment.charge(request);
      if (status === 'captured') return { outcome: 'done', paymentId };
      const outcome = status === 'declined' ? 'declined' : 'refused';
      return { outcome, reason: reason === '' ? status : reason };
    } catch (error) {
      if (!isTransient(error)) throw error;
      const timeLeft = cause.deadline - clock.now() - PAUSE_MS;
      if (attempt === ATTEMPTS || timeLeft < CHARGE_MS + AFTERWARDS_MS) {
        const age = clock.now() - Date.parse(createdAt);
        if (isAway(error) && age < PATIENCE_MS) throw error;
        return { outcome: 'unknown', reason: nameOf(error) };
      }
      await clock.sleep(PAUSE_MS);
    }
  }
}

function isAway(error: unknown): boolean {
  return error instanceof MicroserviceError && error.code === Code.UNAVAILABLE;
}

function nameOf(error: unknown): string {
  return error instanceof MicroserviceError ? Code[error.code].toLowerCase() : 'internal';
}
