import { LowStockAlert, StockUpdated } from '#contracts/inventory';
import { type Decided, type Outcome, type Place, type Stock, emptyStock, keyOf } from './domain';
import type { Context } from './definition';
import { onShelf, withMove } from './shelf';

/** Why a stock is changed, as its event says it. */
interface Why {
  reason: string;
  orderId?: string;
}

/** What makes it this change of the stock and no other, such as the id of an adjustment. */
interface Once {
  fact: string;
  /** Done, it stays done: whoever asks for it finds the same, and says it where nobody has. */
  final: boolean;
}

/**
 * Changes a stock, says so, and says when it fell to its minimum.
 *
 * A redelivery says the same again, from the outcome that the kit keeps with the change. A stock
 * that was held or released more than 64 times before the redelivery comes may have lost it; then
 * nothing is said again. What the stock is by then has been said since; an alert may be missing in
 * this one case. The counters do not depend on it: see Stock.
 */
export function changeStock(
  context: Context,
  place: Place,
  why: Why,
  once: Once,
  decide: (stock: Stock) => Decided,
): Promise<Outcome> {
  return changeShelf(context, place, why, once, (stock) =>
    withMoveOf(stock, decide(stock), context.clock.now()),
  );
}

/** As changeStock, by a device that tells itself what came onto its shelf and went, and when. */
export async function changeShelf(
  { stocks, publish }: Context,
  { shopId, productId }: Place,
  why: Why,
  { fact, final }: Once,
  decide: (stock: Stock) => Decided,
): Promise<Outcome> {
  const place = { shopId, productId };
  const { outcome } = await stocks.decide(
    keyOf(place),
    (now) => decide(now ?? emptyStock(place)),
    final ? fact : undefined,
  );
  if (outcome.change === undefined) return outcome;
  const { was, now, low } = outcome.change;
  // Not told apart by their order in the handling: where the kit has lost the first change of a
  // redelivery, the second would take its place and be said as the first.
  const change = { newStock: now, previousStock: was, change: now - was };
  await publish(StockUpdated, { ...place, ...change, ...why }, fact);
  if (low !== undefined) {
    const alert = { ...place, currentStock: now, minimumStock: low };
    await publish(LowStockAlert, alert, fact);
  }
  return outcome;
}

/** What is counted is counted at a moment: what comes and goes after it is to be known. */
function withMoveOf(stock: Stock, decided: Decided, at: number): Decided {
  const { shelf } = decided.document;
  if (shelf === undefined || decided.document === stock) return decided;
  const change = onShelf(decided.document) - onShelf(stock);
  return { ...decided, document: { ...decided.document, shelf: withMove(shelf, { at, change }) } };
}
