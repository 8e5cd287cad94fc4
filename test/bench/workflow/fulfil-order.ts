import type { WorkflowContext } from '@dapr/dapr';
import type { ActivityName } from './activities';
import { Outcome, type Task } from './outcome';

type Step = ReturnType<WorkflowContext['callActivity']>;

/** The saga of an order as in Dapr's documentation: completed steps are compensated in reverse. */
export async function* fulfilOrder(
  context: WorkflowContext,
  orderId: string,
): AsyncGenerator<Step, 'confirmed' | 'cancelled', unknown> {
  const ask = (name: ActivityName, outcome: Outcome): Step =>
    context.callActivity(name, { orderId, outcome } satisfies Task);
  let known: Outcome = { done: true };
  const undo: ActivityName[] = [];

  yield ask('announce', known);
  const steps = [
    { name: 'reserve', undoneBy: 'release' },
    { name: 'charge', undoneBy: 'refund' },
    { name: 'schedule', undoneBy: undefined },
  ] as const;
  for (const { name, undoneBy } of steps) {
    known = { ...known, ...Outcome.parse(yield ask(name, known)) };
    if (!known.done) break;
    if (undoneBy !== undefined) undo.unshift(undoneBy);
  }
  if (known.done) {
    yield ask('confirm', known);
    return 'confirmed';
  }
  if (known.reason === 'payment_unknown') undo.unshift('voidCharge');
  for (const name of undo) yield ask(name, known);
  yield ask('cancel', known);
  return 'cancelled';
}
