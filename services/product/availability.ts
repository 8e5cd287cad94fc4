import { toTimestamp } from '#kit/core/timestamps';
import type { EventMeta } from '#kit/messages/cloud-event';
import type { EventData } from '#kit/messages/contract';
import { notFound } from '#kit/core/errors';
import type { StockUpdated } from '#contracts/inventory';
import { type Product, availability, withShopStock } from './domain';
import type { Context } from './definition';

/** Handles StockUpdated. */
export async function recordStock(
  { shopId, productId, newStock }: EventData<typeof StockUpdated>,
  { products, stocks }: Context,
  { sequence }: EventMeta,
): Promise<void> {
  // the event of an unknown product becomes a dead letter, to be replayed once the product exists
  const isNew = (await stocks.get(productId)) === undefined;
  if (isNew && (await products.get(productId)) === undefined) throw notFound('product');
  // self-idempotent, because the document contains the sequence of the event
  await stocks.decide(productId, (stock = { shops: {} }) => ({
    document: withShopStock(stock, shopId, newStock, sequence),
    outcome: undefined,
    selfIdempotent: true,
  }));
}

/** A product as the API returns it, with its availability. */
export async function toMessage({ ownerId: _, ...product }: Product, { stocks }: Context) {
  const stock = await stocks.get(product.productId);
  return {
    ...product,
    availability: availability(stock),
    createdAt: toTimestamp(product.createdAt),
    updatedAt: toTimestamp(product.updatedAt),
  };
}
