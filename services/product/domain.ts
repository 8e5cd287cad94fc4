import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Decision } from '#kit/state/document-store';
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
export type Fields = Omit<Product, 'productId' | 'createdAt' | 'updatedAt'>;

/** A price in its one form, so that 5 and 5.00 are the same. */
export const Price = Money.transform((price) => ofMinor(minor(price), price.currency)).refine(
  ({ amount }) => /[1-9]/.test(amount),
  { path: ['amount'], message: 'must be more than 0' },
);

export function created(productId: string, fields: Fields, at: string): Product {
  return { productId, ...fields, createdAt: at, updatedAt: at };
}

const FIELDS = ['name', 'description', 'category', 'price'] as const;

interface Revised {
  changed: (typeof FIELDS)[number][];
  from: string;
  to: string;
}

type Revision = { readonly [F in keyof Fields]?: Fields[F] | undefined };

/** The product as revised, which fields are new, and its category before and after. */
export function revised(
  product: Product,
  revision: Revision,
  at: string,
): Decision<Product, Revised> {
  const wanted: Fields = {
    name: revision.name ?? product.name,
    description: revision.description ?? product.description,
    category: revision.category ?? product.category,
    price: revision.price ?? product.price,
  };
  const changed = FIELDS.filter(
    (field) => JSON.stringify(wanted[field]) !== JSON.stringify(product[field]),
  );
  const outcome = { changed, from: product.category, to: wanted.category };
  if (changed.length === 0) return { document: product, outcome };
  return { document: { ...product, ...wanted, updatedAt: at }, outcome };
}

/** The list of a category. Its name may hold anything, and a key may not. */
export function shelf(category: string): string {
  return createHash('sha256').update(category.toLowerCase()).digest('base64url');
}

/** What is left of a product in each shop that sells it, by the newest that was heard of it. */
export const Stock = z.object({
  shops: z.record(z.string(), z.object({ left: z.int(), sequence: z.int() })),
});
export type Stock = z.infer<typeof Stock>;

/** The stock with what a shop said; the same stock where something as new is known. */
export function noted(stock: Stock, shopId: string, left: number, sequence: number): Stock {
  const known = stock.shops[shopId];
  if (known !== undefined && known.sequence >= sequence) return stock;
  return { shops: { ...stock.shops, [shopId]: { left, sequence } } };
}

/** With so many pieces or fewer in all shops together it says so. */
export const LOW_STOCK = 5;

export function availability(stock: Stock | undefined) {
  if (stock === undefined) return 'unknown';
  const left = Object.values(stock.shops).reduce((sum, shop) => sum + shop.left, 0);
  if (left === 0) return 'out_of_stock';
  return left <= LOW_STOCK ? 'low_stock' : 'in_stock';
}
