import { LowStockAlert, StockUpdated } from '#contracts/inventory';
import { type Decided, type Outcome, type Place, type Stock, emptyStock, keyOf } from './domain';
import type { Context } from './service';

/** Why a stock is changed, as its event says it. */
interface Why {
  reason: string;
  orderId?: string;
}

/**
 * Changes a stock, says so, and says when it fell to its minimum.
 *
 * A redelivery says the same again, from the outcome that the kit keeps with the change. A stock
 * that changes more than 256 times before the redelivery comes may have lost it; then nothing is
 * said again. What the stock is by then has been said since; an alert may be missing in this one
 * case. The counters do not depend on it: see Stock.
 */
export async function changeStock(
  { stocks, publish }: Context,
  { shopId, productId }: Place,
  why: Why,
  decide: (stock: Stock) => Decided,
): Promise<Outcome> {
  const place = { shopId, productId };
  const { outcome } = await stocks.decide(keyOf(place), (now) => decide(now ?? emptyStock(place)));
  const { change } = outcome;
  if (change === undefined) return outcome;
  const { was, now, low } = change;
  await publish(StockUpdated, {
    ...place,
    ...{ newStock: now, previousStock: was, change: now - was },
    ...why,
  });
  if (low !== undefined) {
    await publish(LowStockAlert, { ...place, currentStock: now, minimumStock: low });
  }
  return outcome;
}
