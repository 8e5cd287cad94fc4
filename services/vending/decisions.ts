import { type SagaLog, appendSagaLog, eventsLogged } from '#kit/saga/saga-log';
import { VendCancelled, VendCompleted, VendUnpaid } from '#contracts/vending';
import type { Undo, Vend } from './domain';

/** Of what was begun, another run of the same work may have come further. */
const ALL: readonly Undo[] = ['release', 'void', 'unclaim'];

/** Why a vend fails before the machine is told of it, and what is then undone. */
const FAILURES = {
  payment_failed: ['unclaim'],
  payment_unknown: ALL,
  out_of_stock: ['void', 'unclaim'],
} as const satisfies Record<string, readonly Undo[]>;

/** What came of the steps that go before dispensing. */
export type Verdict =
  /** Until then, at the latest. */
  | { dispense: true; until: string }
  | { dispense: false; reason: keyof typeof FAILURES }
  /** The machine would not let it begin. */
  | { dispense: false; refusal: string };

/** Has a pending vend dispensed, or begins to cancel it; one that is decided stays as it is. */
export function decided(vend: Vend, verdict: Verdict | undefined, told: SagaLog, at: string): Vend {
  if (vend.status !== 'pending' || verdict === undefined) return vend;
  const { payment, ...rest } = vend;
  const now = { ...rest, story: appendSagaLog(vend.story, told), updatedAt: at };
  if (verdict.dispense) {
    return { ...now, status: 'dispensing', expiresAt: verdict.until };
  }
  if ('refusal' in verdict)
    return { ...now, status: 'cancelling', reason: verdict.refusal, undo: [] };
  const { reason } = verdict;
  return { ...now, status: 'cancelling', reason, undo: [...FAILURES[reason]] };
}

/** How a machine answered: `unreachable` where it was not even told. */
export interface MachineAnswer {
  outcome: 'acknowledged' | 'failed' | 'expired' | 'unreachable';
  reason?: string | undefined;
}

const ANSWERS = {
  acknowledged: 'done',
  failed: 'refused',
  expired: 'unknown',
  unreachable: 'refused',
} as const;

/**
 * What a machine's answer makes of a vend. The first one decides, but that it dispensed is a fact,
 * also after the vend was given up.
 */
export function answered(vend: Vend, { outcome, reason }: MachineAnswer, at: string): Vend {
  if (vend.status === 'cancelling' || vend.status === 'cancelled') {
    return outcome === 'acknowledged' ? { ...vend, dispensedLate: true } : vend;
  }
  if (vend.status !== 'dispensing') return vend;
  const step = {
    ...{ step: 'dispense', outcome: ANSWERS[outcome], at: vend.updatedAt },
    ...(reason === undefined ? {} : { reason }),
    ms: Math.max(0, Date.parse(at) - Date.parse(vend.updatedAt)),
  };
  const story = appendSagaLog(vend.story, { steps: [step], events: [] });
  const now = { ...vend, story, updatedAt: at };
  switch (outcome) {
    case 'acknowledged':
      return { ...now, status: 'settling' };
    case 'failed':
      return { ...now, status: 'cancelling', reason: 'not_dispensed', undo: [...ALL] };
    case 'expired':
      return { ...now, status: 'cancelling', reason: 'machine_silent', undo: [...ALL] };
    case 'unreachable':
      return { ...now, status: 'cancelling', reason: 'machine_offline', undo: [...ALL] };
  }
}

/** Ends a vend whose machine has dispensed; with a reason where its money cannot be taken. */
export function settled(vend: Vend, unpaid: string | undefined, told: SagaLog, at: string): Vend {
  const isOpen =
    vend.status === 'settling' || (vend.status === 'cancelled' && vend.dispensedLate === true);
  if (!isOpen) return vend;
  const said = eventsLogged(at, unpaid === undefined ? VendCompleted : VendUnpaid);
  const now = {
    ...vend,
    story: appendSagaLog(appendSagaLog(vend.story, told), said),
    updatedAt: at,
  };
  return unpaid === undefined
    ? { ...now, status: 'completed' }
    : { ...now, status: 'unpaid', reason: unpaid };
}

/** Whether its machine has not dispensed, as far as is known. */
export function isGivenUp({ status, dispensedLate }: Vend): boolean {
  return (status === 'cancelling' || status === 'cancelled') && dispensedLate !== true;
}

/** Ends a vend that is being cancelled, once everything is undone. */
export function cancelled(vend: Vend, told: SagaLog, at: string): Vend {
  if (vend.status !== 'cancelling') return vend;
  const story = appendSagaLog(appendSagaLog(vend.story, told), eventsLogged(at, VendCancelled));
  return { ...vend, status: 'cancelled', story, updatedAt: at };
}
