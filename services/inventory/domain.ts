import { z } from 'zod';
import { refused } from '#kit/core/errors';
import { deterministicId } from '#kit/core/deterministic-id';
import { NONE, Reservations, sum } from './reservations';
import { Shelf, squared } from './shelf';

/**
 * How many settled orders and adjustments a stock remembers: at least as many as the kit keeps
 * marks of changes, so that whatever is known to be done by its mark is known by its order too.
 */
export const REMEMBERED = 256;

/** More is a mistake in typing; and it is what an int32 can hold. */
export const MOST_PIECES = 1_000_000_000;

const Pieces = z.int().min(0).max(MOST_PIECES);

/** Why nothing is held for an order, and the product that stood against it. */
const Refusal = z.object({
  reason: z.enum(['out_of_stock', 'unknown_product', 'released']),
  productId: z.string(),
});
export type Refusal = z.infer<typeof Refusal>;

/**
 * An order as a stock knows it: 48 bits of its id's hash. A stock in great demand knows more than a
 * thousand at a time, and all of them are read and written with each change.
 */
const OrderKey = z.string().length(8).brand<'OrderKey'>();
export type OrderKey = z.infer<typeof OrderKey>;

export function orderKeyOf(orderId: string): OrderKey {
  return OrderKey.parse(deterministicId(orderId).slice(0, 8));
}

/** An order that holds nothing here any more: committed, or with the refusal that it gets for ever. */
const Settled = z.object({
  order: OrderKey,
  refusal: Refusal.optional(),
  /** How many pieces came back. */
  back: z.int().optional(),
});
export type Settled = z.infer<typeof Settled>;

/** An adjustment that was refused, and gets that answer for ever. */
const Declined = z.object({
  adjustmentId: z.string(),
  reason: z.enum(['insufficient_stock', 'too_many_pieces']),
  message: z.string(),
});
export type Declined = z.infer<typeof Declined>;

/**
 * What a shop has of a product. The document is changed by every order for it, so often that the
 * kit's marks may be dropped before their time: that nothing is done twice rests on what is here.
 */
export const Stock = z
  .object({
    shopId: z.string(),
    productId: z.string(),
    /** All pieces that came, less those that went otherwise than by a sale. */
    received: Pieces,
    /** Free to sell. */
    available: Pieces,
    /** Held for orders: the sum of the reservations. */
    reserved: Pieces,
    sold: Pieces,
    minimumStock: Pieces,
    /** The orders that hold pieces. */
    reservations: Reservations,
    /** The orders that were settled last, the newest at the end. */
    settled: z.array(Settled).max(REMEMBERED),
    /** Confirmed orders that were released last. Few, so they are remembered for much longer. */
    returned: z.array(OrderKey).max(REMEMBERED),
    /** The last adjustments; none means that nobody ever put this product into this shop. */
    adjustments: z.array(z.string()).max(REMEMBERED),
    /** The adjustments that were refused last. */
    declined: z.array(Declined).max(REMEMBERED).default([]),
    /** Only where devices tell of it. */
    shelf: Shelf.optional(),
  })
  // no stock is ever written for which these do not hold
  .refine(
    ({ available, reserved, sold, received }) => available + reserved + sold === received,
    'pieces were lost or made up',
  )
  .refine(
    ({ reservations, reserved }) => sum(reservations) === reserved,
    'what is reserved is not the sum of the reservations',
  )
  .refine(
    ({ available, shelf }) => available === 0 || (shelf?.missing ?? 0) === 0,
    'pieces are free to sell, though others are missing',
  );
export type Stock = z.infer<typeof Stock>;

export type Place = Pick<Stock, 'shopId' | 'productId'>;

/** The key of its document, and the subject of its events. */
export function keyOf({ shopId, productId }: Place): string {
  return `${shopId}:${productId}`;
}

export function emptyStock({ shopId, productId }: Place): Stock {
  return {
    ...{ shopId, productId, received: 0, available: 0, reserved: 0, sold: 0, minimumStock: 0 },
    ...{ reservations: NONE, settled: [], returned: [], adjustments: [], declined: [] },
  };
}

export function isKnown({ adjustments, shelf }: Stock): boolean {
  return adjustments.length > 0 || shelf !== undefined;
}

/** What became of a change; small, because the kit keeps it with the change. */
export interface Outcome {
  /** What is free to sell before and after; with `low`, the minimum that it fell to or below. */
  change?: { was: number; now: number; low?: number };
  refusal?: Refusal;
  /** The order was committed before. */
  committed?: true;
  /** How many pieces came back. */
  back?: number;
  /** The adjustment is refused. */
  declined?: Declined;
  /** What a device told is not what was expected: pieces, and whether the stock is that now. */
  drift?: { expected: number; found: number; corrected: boolean };
  /** A device's count could be compared with the stock. */
  compared?: true;
}

export interface Decided {
  document: Stock;
  outcome: Outcome;
  /** Asked again, the stock as changed answers the same: see the kit's Decision. */
  selfIdempotent?: boolean;
}

/** Nothing is changed. */
export function same(stock: Stock, outcome: Outcome): Decided {
  return { document: stock, outcome };
}

/** The stock with what is new, and what that means for whoever watches it. */
export function changed(stock: Stock, to: Partial<Stock>, outcome: Outcome = {}): Decided {
  const document = squared({ ...stock, ...to });
  if (document.available === stock.available) return { document, outcome };
  const change = { was: stock.available, now: document.available };
  const falls = isLow(document) && !isLow(stock);
  return {
    document,
    outcome: { ...outcome, change: falls ? { ...change, low: document.minimumStock } : change },
  };
}

function isLow({ available, minimumStock }: Stock): boolean {
  return available <= minimumStock;
}

/** As the last of those that are remembered. */
export function newest<T>(remembered: readonly T[], entry: T): T[] {
  return [...remembered, entry].slice(-REMEMBERED);
}

export interface Adjustment {
  adjustmentId: string;
  change: number;
  minimumStock?: number | undefined;
}

/** Adds pieces or takes them, once for each adjustment. Throws where there are too few or too many. */
export function adjust(stock: Stock, adjustment: Adjustment): Decided {
  const decided = adjustOrDecline(stock, adjustment);
  const { declined } = decided.outcome;
  if (declined !== undefined) throw refused(declined.reason, declined.message);
  return decided;
}

/** As adjust, but what is refused is kept: asked again it is refused, whatever there is by then. */
export function adjustOrDecline(stock: Stock, adjustment: Adjustment): Decided {
  const { adjustmentId, change, minimumStock } = adjustment;
  if (stock.adjustments.includes(adjustmentId)) return same(stock, {});
  const before = stock.declined.find((one) => one.adjustmentId === adjustmentId);
  if (before !== undefined) return same(stock, { declined: before });
  const hindrance = hindranceOf(stock, change);
  if (hindrance !== undefined) {
    const declined = { adjustmentId, ...hindrance };
    return changed(stock, { declined: newest(stock.declined, declined) }, { declined });
  }
  return changed(stock, {
    received: stock.received + change,
    available: stock.available + change,
    minimumStock: minimumStock ?? stock.minimumStock,
    adjustments: newest(stock.adjustments, adjustmentId),
  });
}

function hindranceOf({ available, received }: Stock, change: number) {
  if (available + change < 0) {
    return {
      reason: 'insufficient_stock',
      message: `only ${available} pieces are available`,
    } as const;
  }
  if (received + change > MOST_PIECES) {
    return {
      reason: 'too_many_pieces',
      message: `a stock holds at most ${MOST_PIECES} pieces`,
    } as const;
  }
  return undefined;
}
