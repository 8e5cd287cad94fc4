import { type SagaLog, appendSagaLog, eventsLogged } from '#kit/saga/saga-log';
import { VendCancelled, VendCompleted, VendUnpaid } from '#contracts/vending';
import type { Compensation, Vend } from './vend';

/** For a vend whose progress is unknown: another execution may have come further. */
const ALL: readonly Compensation[] = ['release', 'void', 'unclaim'];

/** Why a vend fails before its command is sent, and the compensations that follow. */
const FAILURES = {
  payment_failed: ['unclaim'],
  payment_unknown: ALL,
  out_of_stock: ['void', 'unclaim'],
} as const satisfies Record<string, readonly Compensation[]>;

/** The outcome of the steps before dispensing. */
export type SagaOutcome =
  /** Dispense before `until`. */
  | { dispense: true; until: string }
  | { dispense: false; reason: keyof typeof FAILURES }
  /** The claim was refused. There is nothing to compensate. */
  | { dispense: false; refusal: string };

/** Moves a pending vend to dispensing or cancelling. Any other vend has its outcome already. */
export function applyOutcome(
  vend: Vend,
  outcome: SagaOutcome | undefined,
  sagaLogDelta: SagaLog,
  at: string,
): Vend {
  if (vend.status !== 'pending' || outcome === undefined) return vend;
  const { payment, ...rest } = vend;
  const updated = { ...rest, story: appendSagaLog(vend.story, sagaLogDelta), updatedAt: at };
  if (outcome.dispense) {
    return { ...updated, status: 'dispensing', expiresAt: outcome.until };
  }
  if ('refusal' in outcome) {
    return { ...updated, status: 'cancelling', reason: outcome.refusal, undo: [] };
  }
  const { reason } = outcome;
  return { ...updated, status: 'cancelling', reason, undo: [...FAILURES[reason]] };
}

/** The machine's answer to the command. `unreachable`: the command could not be sent. */
export interface DispenseResult {
  outcome: 'acknowledged' | 'failed' | 'expired' | 'unreachable';
  reason?: string | undefined;
}

const STEP_OUTCOMES = {
  acknowledged: 'done',
  failed: 'refused',
  expired: 'unknown',
  unreachable: 'refused',
} as const;

/**
 * Applies a machine's answer to a vend. The first answer decides. A later report that the machine
 * dispensed is recorded even if the vend was cancelled, because the piece is gone.
 */
export function applyDispenseResult(
  vend: Vend,
  { outcome, reason }: DispenseResult,
  at: string,
): Vend {
  if (vend.status === 'cancelling' || vend.status === 'cancelled') {
    return outcome === 'acknowledged' ? { ...vend, dispensedLate: true } : vend;
  }
  if (vend.status !== 'dispensing') return vend;
  const step = {
    step: 'dispense',
    outcome: STEP_OUTCOMES[outcome],
    at: vend.updatedAt,
    ...(reason === undefined ? {} : { reason }),
    ms: Math.max(0, Date.parse(at) - Date.parse(vend.updatedAt)),
  };
  const story = appendSagaLog(vend.story, { steps: [step], events: [] });
  const updated = { ...vend, story, updatedAt: at };
  switch (outcome) {
    case 'acknowledged':
      return { ...updated, status: 'settling' };
    case 'failed':
      return { ...updated, status: 'cancelling', reason: 'not_dispensed', undo: [...ALL] };
    case 'expired':
      return { ...updated, status: 'cancelling', reason: 'machine_silent', undo: [...ALL] };
    case 'unreachable':
      return { ...updated, status: 'cancelling', reason: 'machine_offline', undo: [...ALL] };
  }
}

/**
 * Ends a vend whose machine dispensed: as completed, or as unpaid if there is a reason why the payment
 * cannot be captured.
 */
export function completeSettlement(
  vend: Vend,
  unpaidReason: string | undefined,
  sagaLogDelta: SagaLog,
  at: string,
): Vend {
  const isOpen =
    vend.status === 'settling' || (vend.status === 'cancelled' && vend.dispensedLate === true);
  if (!isOpen) return vend;
  const end = eventsLogged(at, unpaidReason === undefined ? VendCompleted : VendUnpaid);
  const updated = {
    ...vend,
    story: appendSagaLog(appendSagaLog(vend.story, sagaLogDelta), end),
    updatedAt: at,
  };
  return unpaidReason === undefined
    ? { ...updated, status: 'completed' }
    : { ...updated, status: 'unpaid', reason: unpaidReason };
}

/** Whether the vend is cancelled and, as far as is known, its machine did not dispense. */
export function isCancelledUndispensed({ status, dispensedLate }: Vend): boolean {
  return (status === 'cancelling' || status === 'cancelled') && dispensedLate !== true;
}

/** Ends a cancellation after all its compensations. */
export function completeCancellation(vend: Vend, sagaLogDelta: SagaLog, at: string): Vend {
  if (vend.status !== 'cancelling') return vend;
  const end = eventsLogged(at, VendCancelled);
  const story = appendSagaLog(appendSagaLog(vend.story, sagaLogDelta), end);
  return { ...vend, status: 'cancelled', story, updatedAt: at };
}
