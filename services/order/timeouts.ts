// The timeouts of a charge depend on each other, on the 2.5 s of the payment provider, and on the
// 18 s of one execution. docs/architecture.md lists them with the others.

/** Deadline of one call of payment: its provider has 2.5 s, its own reads and writes the rest. */
export const CHARGE_MS = 4_000;

/** Charge attempts within one execution. */
export const CHARGE_ATTEMPTS = 3;

/** Pause between two attempts, so that a failing provider can recover. */
export const CHARGE_PAUSE_MS = 1_000;

/**
 * The part of an execution's 18 s that must be left after an attempt: a void as long as a charge, a
 * release (4 s), and the write and publish of the outcome. This allows two attempts if the provider
 * does not respond (2.5 s each), and three if it fails quickly. If time still runs out, the outcome
 * is stored by then, and a redelivery continues from there.
 */
export const COMPENSATION_MS = CHARGE_MS + 5_000;

/**
 * While an order is younger than this, an unavailable payment service makes the execution fail, and
 * the redelivery retries it. Longer than a circuit breaker stays open or a process takes to restart,
 * and half of the 30 s that the buyer waits. A charge that timed out is different: the money may
 * have been taken.
 */
export const CHARGE_RETRY_MS = 15_000;
