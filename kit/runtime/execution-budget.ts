import { type CallContext, newCallContext } from '../core/call-context';
import { asService } from '../core/caller';
import type { Clock } from '../core/clock';

/**
 * The longest execution of an event, job or binding message, in milliseconds: no step begins after it.
 * Less than the time after which the bus delivers an event again (its processingTimeout, 20 s), so that
 * two processes rarely execute one event at the same time; if they do, inbox entries, ETags and
 * deterministic ids make it one effect. Enough for the longest path of an order: see
 * services/order/charge.ts.
 */
export const EXECUTION_BUDGET_MS = 18_000;

/**
 * The call context of work that no call started: the service itself as caller, and the budget
 * above.
 */
export function executionCallContext(clock: Clock, fields: Partial<CallContext>): CallContext {
  const deadline = clock.now() + EXECUTION_BUDGET_MS;
  return newCallContext(clock, { caller: asService(), deadline, ...fields });
}
