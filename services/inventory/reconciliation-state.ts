import { z } from 'zod';
import { deterministicId } from '#kit/core/deterministic-id';

// What a stock stores to reconcile itself with device reports. Reports arrive late, twice or in another
// order, so a count is compared with the pieces expected at the time it was taken. All times are in
// milliseconds since the epoch, by the platform's clock.

/** Movements that are stored: those that may happen between a count and its arrival. */
export const MAX_MOVEMENTS = 64;
/** Reports that are stored: those that may arrive between a report and its redelivery. */
export const MAX_REPORTS = 128;
const MAX_DEVICES = 8;

/** A report in a stock document: 48 bits of its hash, as for orders. */
const ReportKey = z.string().length(8).brand<'ReportKey'>();
export type ReportKey = z.infer<typeof ReportKey>;

export function reportKeyOf(...parts: readonly (string | number)[]): ReportKey {
  return ReportKey.parse(deterministicId(...parts).slice(0, 8));
}

/** The number of a report in its run. Two reports of one run are ordered by it. */
const ReportPosition = z.object({ run: ReportKey, seq: z.int() });

/** When something was observed, and by which report, if a device reported it. */
const Moment = z.object({ at: z.int(), turn: ReportPosition.optional() });
export type Moment = z.infer<typeof Moment>;

/** Pieces that were put onto the shelf (positive) or left it. */
const Movement = Moment.extend({ change: z.int() });
type Movement = z.infer<typeof Movement>;

export const ReconciliationState = z.object({
  /** The devices that reported last. */
  devices: z.array(z.string()).max(MAX_DEVICES),
  /** Pieces that left the shelf although none were available. Pieces that come next settle them. */
  missing: z.int().min(0),
  /** When the last accepted count was taken. It includes everything until then. */
  countedAt: z.int(),
  /** The report with that count. */
  countedBy: ReportPosition.optional(),
  /** `moves` is complete after this time. */
  since: z.int(),
  /** The movements after the last accepted count. */
  moves: z.array(Movement).max(MAX_MOVEMENTS),
  /** The reports that were processed last, the newest at the end. */
  told: z.array(ReportKey).max(MAX_REPORTS),
  /** The drift of the last count, if that was not accepted. */
  drift: z.int().optional(),
});
export type ReconciliationState = z.infer<typeof ReconciliationState>;

/** `since` is 0 for a new stock: its movements are known from the beginning. */
export function newReconciliationState(since: number): ReconciliationState {
  return { devices: [], missing: 0, countedAt: 0, since, moves: [], told: [] };
}

interface Counters {
  available: number;
  reserved: number;
  received: number;
  shelf?: ReconciliationState | undefined;
}

/**
 * The pieces that should be on the shelf. Reserved pieces are there until they are committed. This is
 * the sum of all movements in whatever order they were reported, so it may be negative until the
 * report of an addition arrives.
 */
export function physicalPieces({ available, reserved, shelf }: Counters): number {
  return available + reserved - (shelf?.missing ?? 0);
}

/** The stock after available pieces have settled missing ones. */
export function settleMissing<S extends Counters>(stock: S): S {
  const { available, received, shelf } = stock;
  if (shelf === undefined || shelf.missing === 0) return stock;
  const settled = Math.min(shelf.missing, available);
  return {
    ...stock,
    available: available - settled,
    received: received - settled,
    shelf: { ...shelf, missing: shelf.missing - settled },
  };
}

/** Adds a movement; beyond the limit, the oldest are dropped. */
export function recordMovement(
  state: ReconciliationState,
  movement: Movement,
): ReconciliationState {
  if (movement.change === 0 || movement.at <= state.since) return state;
  const moves = [...state.moves, movement];
  if (moves.length <= MAX_MOVEMENTS) return { ...state, moves };
  const oldest = Math.min(...moves.map(({ at }) => at));
  return { ...state, since: oldest, moves: moves.filter(({ at }) => at > oldest) };
}

/** The state once a count is accepted. */
export function acceptCount(
  { drift: _, ...state }: ReconciliationState,
  count: Moment,
): ReconciliationState {
  const moves = state.moves.filter((movement) => isAfter(movement, count));
  const at = Math.max(count.at, state.countedAt);
  return { ...state, countedAt: at, countedBy: count.turn, since: at, moves };
}

/** Whether the last accepted count includes what happened at this moment. */
export function isCoveredByCount(
  { countedAt: at, countedBy: turn }: ReconciliationState,
  moment: Moment,
): boolean {
  return !isAfter(moment, { at, turn });
}

/** The sum of the movements after this moment. */
export function piecesMovedSince({ moves }: ReconciliationState, moment: Moment): number {
  return moves.reduce((sum, move) => (isAfter(move, moment) ? sum + move.change : sum), 0);
}

/**
 * Whether the one is after the other. Within one run the numbers decide: the reports of a backlog are
 * processed concurrently, so their times by the platform's clock are uncertain.
 */
function isAfter(one: Moment, other: Moment): boolean {
  if (one.turn !== undefined && one.turn.run === other.turn?.run) {
    return one.turn.seq > other.turn.seq;
  }
  return one.at > other.at;
}

/** Records that a report of this device was processed. */
export function recordReport(
  state: ReconciliationState,
  deviceId: string,
  report: ReportKey,
): ReconciliationState {
  const devices = state.devices.filter((known) => known !== deviceId);
  return {
    ...state,
    devices: [...devices, deviceId].slice(-MAX_DEVICES),
    told: [...state.told, report].slice(-MAX_REPORTS),
  };
}
