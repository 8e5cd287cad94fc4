import type { z } from 'zod';
import { refused } from '#kit/core/errors';
import {
  MAX_PIECES,
  type Stock,
  type StockDecision,
  type StockOutcome,
  appendBounded,
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

const MAX_DRIFT = Number.MAX_SAFE_INTEGER;

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
    // a sum of unbounded reports, which earlier releases accepted, may not be exact
    const drift = Math.max(-MAX_DRIFT, Math.min(MAX_DRIFT, pieces - expected));
    const compared = { compared: true } as const;
    if (drift === 0) return { fields: { shelf: acceptCount(state, report) }, ...compared };
    const corrected =
      policy !== 'report' &&
      (doubtful || (policy === 'tolerance' ? Math.abs(drift) <= tolerance : state.drift === drift));
    const outcome = { drift: { expected, found: pieces, corrected }, ...compared };
    if (!corrected) return { fields: { shelf: { ...state, drift } }, ...outcome };
    const present = pieces + piecesMovedSince(state, report);
    return { fields: withPieces(stock, acceptCount(state, report), present), ...outcome };
  });
}

/** A person counted the pieces and sets the stock to them. */
export interface ManualCount {
  countId: string;
  /** All pieces that are there, including those that are reserved for orders. */
  pieces: number;
  minimumStock?: number | undefined;
}

/**
 * Sets a stock to the counted pieces, once for each countId, whatever was reported before. Reports of
 * devices from before it change nothing any more.
 */
export function setPieces(
  stock: Stock,
  { countId, pieces, minimumStock }: ManualCount,
  now: number,
): StockDecision {
  if (stock.adjustments.includes(countId)) return unchanged(stock, {});
  const state = acceptCount(stock.shelf ?? newReconciliationState(now), { at: now });
  const { shelf, ...counters } = withPieces(stock, state, pieces);
  // a stock on which no device has reported needs no state, unless reserved pieces are missing
  const isNeeded = stock.shelf !== undefined || shelf.missing > 0;
  return changed(stock, {
    ...counters,
    ...(isNeeded ? { shelf } : {}),
    minimumStock: minimumStock ?? stock.minimumStock,
    adjustments: appendBounded(stock.adjustments, countId),
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
  const missing = state.missing + shift - change;
  checkPieces(received + shift);
  checkPieces(missing);
  return {
    available: available + shift,
    received: received + shift,
    shelf: { ...state, missing },
  };
}

/** The stock with this many pieces on the shelf, of which the reserved ones are a part. */
function withPieces(
  { available, reserved, received }: Stock,
  state: ReconciliationState,
  pieces: number,
) {
  const free = Math.max(0, pieces - reserved);
  const total = received - available + free;
  const missing = Math.max(0, reserved - pieces);
  checkPieces(total);
  checkPieces(missing);
  return { available: free, received: total, shelf: { ...state, missing } };
}

function checkPieces(pieces: number): void {
  if (pieces > MAX_PIECES) {
    throw refused('too_many_pieces', `a stock holds at most ${MAX_PIECES} pieces`);
  }
}
