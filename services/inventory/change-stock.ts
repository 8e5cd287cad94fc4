import { LowStockAlert, StockUpdated } from '#contracts/inventory';
import type { Context } from './definition';
import {
  type Stock,
  type StockDecision,
  type StockId,
  type StockOutcome,
  emptyStock,
  keyOf,
} from './domain';
import { physicalPieces, recordMovement } from './reconciliation-state';

/** Why a stock changes, as its event has it. */
interface ChangeReason {
  reason: string;
  orderId?: string;
}

interface Deduplication {
  /** Identifies this change of the stock, such as the id of an adjustment. */
  dedupKey: string;
  /**
   * The change happens once, whatever execution requests it. Each of them gets the same outcome and
   * publishes the same event.
   */
  final: boolean;
}

/**
 * Changes a stock, and publishes the change and whether the stock fell to its minimum.
 *
 * A redelivery publishes the same events again, from the outcome that the kit stores with the change.
 * After more than 64 other holds or releases the stock may have lost that outcome, and the redelivery
 * publishes nothing. The current stock has been published by later changes, but a low-stock alert may
 * be missing in this case. The counters do not depend on it: see Stock.
 */
export function changeStock(
  context: Context,
  id: StockId,
  reason: ChangeReason,
  deduplication: Deduplication,
  decide: (stock: Stock) => StockDecision,
): Promise<StockOutcome> {
  return changeStockAsReported(context, id, reason, deduplication, (stock) =>
    recordMovementOf(stock, decide(stock), context.clock.now()),
  );
}

/** As changeStock, for a device's report, which has its own time: `decide` records the movement. */
export async function changeStockAsReported(
  { stocks, publish }: Context,
  { shopId, productId }: StockId,
  reason: ChangeReason,
  { dedupKey, final }: Deduplication,
  decide: (stock: Stock) => StockDecision,
): Promise<StockOutcome> {
  const id = { shopId, productId };
  const { outcome } = await stocks.decide(
    keyOf(id),
    (stock) => decide(stock ?? emptyStock(id)),
    final ? dedupKey : undefined,
  );
  if (outcome.change === undefined) return outcome;
  const { was, now, low } = outcome.change;
  // The events have a dedup key, not their number in the execution: if the kit has lost the first
  // change of a redelivery, the second would be published as the first.
  const change = { newStock: now, previousStock: was, change: now - was };
  await publish(StockUpdated, { ...id, ...change, ...reason }, dedupKey);
  if (low !== undefined) {
    const alert = { ...id, currentStock: now, minimumStock: low };
    await publish(LowStockAlert, alert, dedupKey);
  }
  return outcome;
}

/** Records what this change moved, so that a count taken before it can still be compared. */
function recordMovementOf(stock: Stock, decision: StockDecision, at: number): StockDecision {
  const { shelf } = decision.document;
  if (shelf === undefined || decision.document === stock) return decision;
  const change = physicalPieces(decision.document) - physicalPieces(stock);
  const document = { ...decision.document, shelf: recordMovement(shelf, { at, change }) };
  return { ...decision, document };
}
