// The timeouts of a vend. docs/architecture.md explains how they depend on those of the kit.

/** Deadline of a call to payment: its provider has 2.5 s, its documents the rest. */
export const AUTHORIZE_MS = 4_000;

/**
 * The part of an execution's 18 s that must be left after an authorisation attempt: a void takes as
 * long as an authorisation, a release and an unclaim 3 s each. Writes and events come from the same time.
 */
export const COMPENSATION_MS = AUTHORIZE_MS + 6_000;

/** How long a buyer waits at a machine while a service that the vend needs is unavailable. */
export const BUYER_WAIT_MS = 10_000;

/** Delay of the first retry of a settlement. It doubles with each retry. */
export const FIRST_RETRY_SECONDS = 2;
export const MAX_RETRY_SECONDS = 3_600;
