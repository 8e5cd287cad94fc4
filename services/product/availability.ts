import { toTimestamp } from '#kit/core/timestamps';
import type { EventMeta } from '#kit/messages/cloud-event';
import type { EventData } from '#kit/messages/contract';
import { notFound } from '#kit/core/errors';
import type { StockUpdated } from '#contracts/inventory';
import { type Product, availability, noted } from './domain';
import type { Context } from './definition';

export async function noteStock(
  { shopId, productId, newStock }: EventData<typeof StockUpdated>,
  { products, stocks }: Context,
  { sequence }: EventMeta,
): Promise<void> {
  // refused, it waits among the dead letters, and can be replayed once the product is there
  const isNew = (await stocks.get(productId)) === undefined;
  if (isNew && (await products.get(productId)) === undefined) throw notFound('product');
  // each note bears its number, so the document tells by itself whether it was made
  await stocks.decide(productId, (stock = { shops: {} }) => ({
    document: noted(stock, shopId, newStock, sequence),
    outcome: undefined,
    selfIdempotent: true,
  }));
}

/** A product as it is answered, with whether it is to be had. */
export async function shown(product: Product, { stocks }: Context) {
  const stock = await stocks.get(product.productId);
  return {
    ...product,
    availability: availability(stock),
    createdAt: toTimestamp(product.createdAt),
    updatedAt: toTimestamp(product.updatedAt),
  };
}
