import type { EventMeta } from '#kit/messages/cloud-event';
import type { EventData } from '#kit/messages/contract';
import { Code, MicroserviceError } from '#kit/core/errors';
import type { ProductCreated, ProductUpdated } from '#contracts/product';
import { type CatalogueEntry, withNewerEntry } from './domain';
import type { Context } from './definition';

// The part of the catalogue that a price needs, copied from the product service's events: so an order
// calls one service for its prices. A new price applies in the shops as soon as its event arrives.

/** Handles ProductCreated and ProductUpdated. */
export async function recordProduct(
  { productId, name, price }: EventData<typeof ProductCreated | typeof ProductUpdated>,
  { catalogue }: Context,
  { sequence }: EventMeta,
): Promise<void> {
  await catalogue.decide(productId, (known) => ({
    document: withNewerEntry(known, { productId, name, price, sequence }),
    outcome: undefined,
    selfIdempotent: true,
  }));
}

/** Whether the product is in the catalogue. */
export async function isKnownProduct(productId: string, context: Context): Promise<boolean> {
  try {
    await catalogueEntries([productId], context);
    return true;
  } catch (error) {
    if (error instanceof MicroserviceError && error.code === Code.NOT_FOUND) return false;
    throw error;
  }
}

/**
 * The names and catalogue prices of products, in the order of the ids. Throws NOT_FOUND with
 * `details.productId` for the first one that is not in the catalogue.
 */
export async function catalogueEntries(
  productIds: readonly string[],
  context: Context,
): Promise<CatalogueEntry[]> {
  return completeEntries(productIds, await storedEntries(productIds, context), context);
}

/** The entries that were copied so far. */
export function storedEntries(productIds: readonly string[], { catalogue }: Context) {
  return Promise.all(productIds.map((productId) => catalogue.get(productId)));
}

/** Adds the entries whose events have not arrived yet: of new products, and of those from before. */
export async function completeEntries(
  productIds: readonly string[],
  stored: readonly (CatalogueEntry | undefined)[],
  context: Context,
): Promise<CatalogueEntry[]> {
  const missing = productIds.filter((_, index) => stored[index] === undefined);
  const fetched = new Map<string, CatalogueEntry>();
  if (missing.length > 0) {
    const { prices } = await context.product.priceItems({ productIds: missing });
    for (const { productId, name, price } of prices) {
      // the product service sends every price
      const { amount = '', currency = '' } = price ?? {};
      const entry = { productId, name, price: { amount, currency }, sequence: 0 };
      fetched.set(productId, await storeFetched(entry, context));
    }
  }
  return productIds.map((productId, index) => {
    const entry = stored[index] ?? fetched.get(productId);
    if (entry !== undefined) return entry;
    throw new Error(`the product service did not return ${productId}`);
  });
}

async function storeFetched(entry: CatalogueEntry, { catalogue }: Context) {
  const { document } = await catalogue.decide(entry.productId, (known) => ({
    document: withNewerEntry(known, entry),
    outcome: undefined,
    selfIdempotent: true,
  }));
  return document;
}
