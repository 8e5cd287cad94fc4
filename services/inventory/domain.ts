import { z } from 'zod';
import { refused } from '#kit/core/errors';
import { OrderKey } from './order-key';
import { ReconciliationState, settleMissing } from './reconciliation-state';
import { NO_RESERVATIONS, Reservations, totalReserved } from './reservations';

/**
 * Settled orders and adjustments that a stock document lists. Not less than the kit's limit of inbox
 * entries: a change that has an inbox entry is then also known by its order.
 */
export const HISTORY_LIMIT = 256;

/** A larger number is a typing error; this one fits into an int32. */
export const MAX_PIECES = 1_000_000_000;

const Pieces = z.int().min(0).max(MAX_PIECES);

/** Why nothing is reserved for an order, and the product that caused it. */
const Refusal = z.object({
  reason: z.enum(['out_of_stock', 'unknown_product', 'released']),
  productId: z.string(),
});
export type Refusal = z.infer<typeof Refusal>;

/** An order that holds nothing any more: it was committed, or it has a final refusal. */
const Settled = z.object({
  order: OrderKey,
  refusal: Refusal.optional(),
  /** The pieces that its release returned to stock. */
  back: z.int().optional(),
});
export type Settled = z.infer<typeof Settled>;

/** An adjustment that was refused; a repetition gets the same refusal. */
const Declined = z.object({
  adjustmentId: z.string(),
  reason: z.enum(['insufficient_stock', 'too_many_pieces']),
  message: z.string(),
});
export type Declined = z.infer<typeof Declined>;

/**
 * The stock of one product in one shop. Every order for the product changes this document, so often
 * that the kit may drop inbox entries early. Idempotency therefore rests on the fields below.
 */
export const Stock = z
  .object({
    shopId: z.string(),
    productId: z.string(),
    /** All pieces that were added, less those that left otherwise than by a sale. */
    received: Pieces,
    /** Pieces that can be sold. */
    available: Pieces,
    /** Pieces that are held for orders: the sum of the reservations. */
    reserved: Pieces,
    sold: Pieces,
    minimumStock: Pieces,
    reservations: Reservations,
    /** The orders that were settled last, the newest at the end. */
    settled: z.array(Settled).max(HISTORY_LIMIT),
    /** Confirmed orders that were released last. They are few, so this list reaches back further. */
    returned: z.array(OrderKey).max(HISTORY_LIMIT),
    /** The ids of the last adjustments; empty if the product was never added to this shop. */
    adjustments: z.array(z.string()).max(HISTORY_LIMIT),
    /** The adjustments that were refused last. */
    declined: z.array(Declined).max(HISTORY_LIMIT).default([]),
    /** Reconciliation with device reports; absent if no device reports on this stock. */
    shelf: ReconciliationState.optional(),
  })
  // invariants: a stock that violates them is never written
  .refine(
    ({ available, reserved, sold, received }) => available + reserved + sold === received,
    'available, reserved and sold pieces must add up to the received pieces',
  )
  .refine(
    ({ reservations, reserved }) => totalReserved(reservations) === reserved,
    'the reserved pieces must be the sum of the reservations',
  )
  .refine(
    ({ available, shelf }) => available === 0 || (shelf?.missing ?? 0) === 0,
    'no pieces may be available while pieces are missing',
  );
export type Stock = z.infer<typeof Stock>;

export type StockId = Pick<Stock, 'shopId' | 'productId'>;

/** The key of the document, and the subject of its events. */
export function keyOf({ shopId, productId }: StockId): string {
  return `${shopId}:${productId}`;
}

export function emptyStock({ shopId, productId }: StockId): Stock {
  return {
    shopId,
    productId,
    received: 0,
    available: 0,
    reserved: 0,
    sold: 0,
    minimumStock: 0,
    reservations: NO_RESERVATIONS,
    settled: [],
    returned: [],
    adjustments: [],
    declined: [],
  };
}

/** Whether the product was ever added to this shop, by an adjustment or by a device's report. */
export function hasHistory({ adjustments, shelf }: Stock): boolean {
  return adjustments.length > 0 || shelf !== undefined;
}

/** The result of a change. The kit stores it with the change, so it is small and its names stay. */
export interface StockOutcome {
  /** The available pieces before and after. `low`: the minimum, if they fell to it or below. */
  change?: { was: number; now: number; low?: number };
  refusal?: Refusal;
  /** The order is committed already. */
  committed?: true;
  /** The pieces that were returned to stock. */
  back?: number;
  /** The adjustment is refused. */
  declined?: Declined;
  /** A device's report differs from the expected pieces; `corrected`: the stock was set to it. */
  drift?: { expected: number; found: number; corrected: boolean };
  /** A device's count could be compared with the stock. */
  compared?: true;
}

export interface StockDecision {
  document: Stock;
  outcome: StockOutcome;
  /** See Decision in the kit's document store. */
  selfIdempotent?: boolean;
}

export function unchanged(stock: Stock, outcome: StockOutcome): StockDecision {
  return { document: stock, outcome };
}

/** The stock with these fields changed, and what the events need to know of the change. */
export function changed(
  stock: Stock,
  fields: Partial<Stock>,
  outcome: StockOutcome = {},
): StockDecision {
  const document = settleMissing({ ...stock, ...fields });
  if (document.available === stock.available) return { document, outcome };
  const change = { was: stock.available, now: document.available };
  const becameLow = isLow(document) && !isLow(stock);
  return {
    document,
    outcome: { ...outcome, change: becameLow ? { ...change, low: document.minimumStock } : change },
  };
}

function isLow({ available, minimumStock }: Stock): boolean {
  return available <= minimumStock;
}

/** Appends an entry to one of the lists of a stock, and drops the oldest beyond the limit. */
export function appendBounded<T>(entries: readonly T[], entry: T): T[] {
  return [...entries, entry].slice(-HISTORY_LIMIT);
}

export interface Adjustment {
  adjustmentId: string;
  change: number;
  minimumStock?: number | undefined;
}

/** Adds or removes pieces, once for each adjustmentId. Throws if there are too few or too many. */
export function adjust(stock: Stock, adjustment: Adjustment): StockDecision {
  const decision = adjustOrDecline(stock, adjustment);
  const { declined } = decision.outcome;
  if (declined !== undefined) throw refused(declined.reason, declined.message);
  return decision;
}

/** As adjust, but a refusal is stored: a repetition is refused too, whatever the stock is by then. */
export function adjustOrDecline(stock: Stock, adjustment: Adjustment): StockDecision {
  const { adjustmentId, change, minimumStock } = adjustment;
  if (stock.adjustments.includes(adjustmentId)) return unchanged(stock, {});
  const earlier = stock.declined.find((one) => one.adjustmentId === adjustmentId);
  if (earlier !== undefined) return unchanged(stock, { declined: earlier });
  const refusal = refusalOf(stock, change);
  if (refusal !== undefined) {
    const declined = { adjustmentId, ...refusal };
    return changed(stock, { declined: appendBounded(stock.declined, declined) }, { declined });
  }
  return changed(stock, {
    received: stock.received + change,
    available: stock.available + change,
    minimumStock: minimumStock ?? stock.minimumStock,
    adjustments: appendBounded(stock.adjustments, adjustmentId),
  });
}

function refusalOf({ available, received }: Stock, change: number) {
  if (available + change < 0) {
    return {
      reason: 'insufficient_stock',
      message: `only ${available} pieces are available`,
    } as const;
  }
  if (received + change > MAX_PIECES) {
    return {
      reason: 'too_many_pieces',
      message: `a stock holds at most ${MAX_PIECES} pieces`,
    } as const;
  }
  return undefined;
}
