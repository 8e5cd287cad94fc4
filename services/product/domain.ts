import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Decision } from '#kit/state/apply-change';
import { Money, minor, ofMinor } from '#retail/money';

const Time = z.iso.datetime();

export const Product = z.object({
  productId: z.string(),
  name: z.string(),
  description: z.string(),
  category: z.string(),
  price: Money,
  createdAt: Time,
  updatedAt: Time,
});
export type Product = z.infer<typeof Product>;
export type ProductFields = Omit<Product, 'productId' | 'createdAt' | 'updatedAt'>;

/** A price with the decimals of its currency, so that 5 and 5.00 are the same text. */
export const Price = Money.transform((price) => ofMinor(minor(price), price.currency)).refine(
  ({ amount }) => /[1-9]/.test(amount),
  { path: ['amount'], message: 'must be more than 0' },
);

export function newProduct(productId: string, fields: ProductFields, at: string): Product {
  return { productId, ...fields, createdAt: at, updatedAt: at };
}

const FIELDS = ['name', 'description', 'category', 'price'] as const;

interface ProductChange {
  changed: (typeof FIELDS)[number][];
  /** The category before and after the change. */
  from: string;
  to: string;
}

type ProductUpdate = {
  readonly [F in keyof ProductFields]?: ProductFields[F] | undefined;
};

/** Returns the updated product and what changed; the same product if nothing changes. */
export function updated(
  product: Product,
  update: ProductUpdate,
  at: string,
): Decision<Product, ProductChange> {
  const fields: ProductFields = {
    name: update.name ?? product.name,
    description: update.description ?? product.description,
    category: update.category ?? product.category,
    price: update.price ?? product.price,
  };
  const changed = FIELDS.filter(
    (field) => JSON.stringify(fields[field]) !== JSON.stringify(product[field]),
  );
  const outcome = { changed, from: product.category, to: fields.category };
  if (changed.length === 0) return { document: product, outcome };
  return { document: { ...product, ...fields, updatedAt: at }, outcome };
}

/**
 * The owner of the list of a category. It is a hash, because a category may contain any character and
 * a key may not. Upper and lower case are the same category.
 */
export function categoryKey(category: string): string {
  return createHash('sha256').update(category.toLowerCase()).digest('base64url');
}

/** The available pieces of a product by shop, each from the newest event of that shop's stock. */
export const Stock = z.object({
  shops: z.record(z.string(), z.object({ left: z.int(), sequence: z.int() })),
});
export type Stock = z.infer<typeof Stock>;

/** Sets the stock of a shop. Returns the same stock if an event at least as new is recorded. */
export function withShopStock(stock: Stock, shopId: string, left: number, sequence: number): Stock {
  const known = stock.shops[shopId];
  if (known !== undefined && known.sequence >= sequence) return stock;
  return { shops: { ...stock.shops, [shopId]: { left, sequence } } };
}

/** A product is `low_stock` with this many pieces or fewer in all shops together. */
export const LOW_STOCK = 5;

export function availability(stock: Stock | undefined) {
  if (stock === undefined) return 'unknown';
  const left = Object.values(stock.shops).reduce((sum, shop) => sum + shop.left, 0);
  if (left === 0) return 'out_of_stock';
  return left <= LOW_STOCK ? 'low_stock' : 'in_stock';
}
