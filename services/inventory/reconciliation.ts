import type { z } from 'zod';
import { refused } from '#kit/core/errors';
import {
  MAX_PIECES,
  type Stock,
  type StockDecision,
  type StockOutcome,
  changed,
  hasHistory,
  unchanged,
} from './domain';
import type { DriftPolicy } from './drift-policy';
import {
  type Moment,
  type ReconciliationState,
  type ReportKey,
  acceptCount,
  isCoveredByCount,
  newReconciliationState,
  physicalPieces,
  piecesMovedSince,
  recordMovement,
  recordReport,
} from './reconciliation-state';

// How the reports of a device change a stock, whatever the order in which they arrive.

export interface ReconciliationPolicy {
  policy: z.infer<typeof DriftPolicy>;
  /** In pieces. */
  tolerance: number;
}

/** A report of a device on one stock. */
export interface DeviceReport extends Moment {
  deviceId: string;
  key: ReportKey;
}

/** Pieces were put onto the shelf (positive) or left it. */
export function applyMovement(
  stock: Stock,
  report: DeviceReport,
  change: number,
  now: number,
): StockDecision {
  return applyOnce(stock, report, now, (state) =>
    isCoveredByCount(state, report) ? undefined : movementEffect(stock, state, report, change),
  );
}

/** A device sold pieces. Those that were not available are missing from then on. */
export function applySale(
  stock: Stock,
  report: DeviceReport,
  quantity: number,
  now: number,
): StockDecision {
  return applyOnce(stock, report, now, (state) => {
    const { fields, ...outcome }: ReportEffect = isCoveredByCount(state, report)
      ? { fields: { shelf: state } }
      : movementEffect(stock, state, report, -quantity);
    const received = (fields.received ?? stock.received) + quantity;
    checkPieces(received);
    return { fields: { ...fields, received, sold: stock.sold + quantity }, ...outcome };
  });
}

/**
 * A device counted the pieces on its shelf. A drift is published, and corrected if the policy says so.
 * If reports of the device are missing, every policy but `report` corrects it immediately.
 */
export function applyCount(
  stock: Stock,
  report: DeviceReport,
  pieces: number,
  { policy, tolerance, doubtful }: ReconciliationPolicy & { doubtful: boolean },
  now: number,
): StockDecision {
  checkPieces(pieces);
  return applyOnce(stock, report, now, (state) => {
    if (isCoveredByCount(state, report)) return undefined;
    // movements before `since` are unknown, so this count cannot be compared
    if (report.at < state.since) return { fields: { shelf: state } };
    const expected = physicalPieces(stock) - piecesMovedSince(state, report);
    const drift = pieces - expected;
    const compared = { compared: true } as const;
    if (drift === 0) return { fields: { shelf: acceptCount(state, report) }, ...compared };
    const corrected =
      policy !== 'report' &&
      (doubtful || (policy === 'tolerance' ? Math.abs(drift) <= tolerance : state.drift === drift));
    const outcome = { drift: { expected, found: pieces, corrected }, ...compared };
    if (!corrected) return { fields: { shelf: { ...state, drift } }, ...outcome };
    return { fields: shiftPieces(stock, acceptCount(state, report), drift), ...outcome };
  });
}

interface ReportEffect extends Pick<StockOutcome, 'drift' | 'compared'> {
  fields: Partial<Stock> & { shelf: ReconciliationState };
}

/** Applies a report unless it was applied before; `decide` returns undefined if it changes nothing. */
function applyOnce(
  stock: Stock,
  { deviceId, key }: DeviceReport,
  now: number,
  decide: (state: ReconciliationState) => ReportEffect | undefined,
): StockDecision {
  const state = stock.shelf ?? newReconciliationState(hasHistory(stock) ? now : 0);
  if (state.told.includes(key)) return unchanged(stock, {});
  const effect = decide(state);
  if (effect === undefined) return unchanged(stock, {});
  const { fields, ...outcome } = effect;
  const shelf = recordReport(fields.shelf, deviceId, key);
  return changed(stock, { ...fields, shelf }, outcome);
}

function movementEffect(
  stock: Stock,
  state: ReconciliationState,
  { at, turn }: Moment,
  change: number,
): ReportEffect {
  const fields = shiftPieces(stock, recordMovement(state, { at, turn, change }), change);
  const drift = { expected: stock.available, found: -change, corrected: false };
  return fields.shelf.missing > state.missing ? { fields, drift } : { fields };
}

function shiftPieces({ available, received }: Stock, state: ReconciliationState, change: number) {
  const shift = Math.max(change, -available);
  checkPieces(received + shift);
  return {
    available: available + shift,
    received: received + shift,
    shelf: { ...state, missing: state.missing + shift - change },
  };
}

function checkPieces(pieces: number): void {
  if (pieces > MAX_PIECES) {
    throw refused('too_many_pieces', `a stock holds at most ${MAX_PIECES} pieces`);
  }
}
