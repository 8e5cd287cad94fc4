import { type Transaction, sql } from 'kysely';
import type { Write } from '#kit/read-store/read-model-store';
import type { IndexedWords } from '#kit/read-store/text-index';
import type { Money } from '#retail/money';
import { comparisonForm } from '#retail/text';
import { thousandths } from './price';
import { stemmed } from './query';
import type { SearchTables } from './tables';
import { wordsOf } from './words';

export interface IndexedProduct {
  readonly productId: string;
  readonly name: string;
  readonly description: string;
  readonly category: string;
  readonly price: Money;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface IndexedOffer {
  readonly shopId: string;
  readonly productId: string;
  readonly price: Money | undefined;
  readonly withdrawn: boolean;
}

/** Writes a product and the words by which it is found. */
export function putProduct(tenant: string, product: IndexedProduct): Write<SearchTables> {
  return async (tx, text) => {
    const { productId, name, description, category, price, createdAt, updatedAt } = product;
    const known = await tx
      .selectFrom('products')
      .select('id')
      .where('tenant', '=', tenant)
      .where('product_id', '=', productId)
      .executeTakeFirst();
    const id = known?.id ?? (await nextId(tx));
    const columns = {
      category_key: comparisonForm(category),
      currency: price.currency,
      price: thousandths(price.amount),
    };
    await tx
      .insertInto('products')
      .values({
        ...{ id, tenant, product_id: productId, created: createdAt, ...columns },
        pieces: await piecesOf(tx, tenant, productId),
      })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(columns))
      .execute();
    const shown = { name, description, category, amount: price.amount, updated: updatedAt };
    await tx
      .insertInto('product_texts')
      .values({ id, ...shown })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(shown))
      .execute();
    await text.put(tx, tenant, id, indexedWords(product));
  };
}

/** Writes the pieces of a product that are free to sell in a shop. */
export function putStock(
  tenant: string,
  productId: string,
  shopId: string,
  pieces: number,
): Write<SearchTables> {
  return async (tx) => {
    await tx
      .insertInto('stocks')
      .values({ tenant, product_id: productId, shop_id: shopId, pieces })
      .onConflict((conflict) =>
        conflict.columns(['tenant', 'product_id', 'shop_id']).doUpdateSet({ pieces }),
      )
      .execute();
    await tx
      .updateTable('products')
      .set({ pieces: await piecesOf(tx, tenant, productId) })
      .where('tenant', '=', tenant)
      .where('product_id', '=', productId)
      .execute();
  };
}

export function putOffer(
  tenant: string,
  { shopId, productId, price, withdrawn }: IndexedOffer,
): Write<SearchTables> {
  return async (tx) => {
    const columns = {
      withdrawn: withdrawn ? 1 : 0,
      amount: price?.amount ?? null,
      currency: price?.currency ?? null,
      price: price === undefined ? null : thousandths(price.amount),
    };
    await tx
      .insertInto('offers')
      .values({ tenant, shop_id: shopId, product_id: productId, ...columns })
      .onConflict((conflict) =>
        conflict.columns(['tenant', 'shop_id', 'product_id']).doUpdateSet(columns),
      )
      .execute();
  };
}

async function nextId(tx: Transaction<SearchTables>): Promise<number> {
  const { value } = await tx
    .updateTable('counters')
    .set({ value: sql<number>`value + 1` })
    .where('name', '=', 'product')
    .returning('value')
    .executeTakeFirstOrThrow();
  return value;
}

/** The pieces in all shops; null if no stock was reported. */
async function piecesOf(tx: Transaction<SearchTables>, tenant: string, productId: string) {
  const stocks = await tx
    .selectFrom('stocks')
    .select('pieces')
    .where('tenant', '=', tenant)
    .where('product_id', '=', productId)
    .execute();
  return stocks.length === 0 ? null : stocks.reduce((sum, { pieces }) => sum + pieces, 0);
}

function indexedWords({ name, category, description }: IndexedProduct): IndexedWords {
  const withStems = (text: string) => {
    const words = wordsOf(text);
    return [...new Set([...words, ...words.map(stemmed)])];
  };
  return { high: withStems(name), middle: withStems(category), low: withStems(description) };
}
