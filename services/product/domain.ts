import { createHash } from 'node:crypto';
import { z } from 'zod';
import { type Caller, mayAccess } from '#kit/core/caller';
import { Code, MicroserviceError } from '#kit/core/errors';
import type { Decision } from '#kit/state/apply-change';
import { availabilityOf } from '#retail/availability';
import { Money } from '#retail/money';
import { comparisonForm } from '#retail/text';

const Time = z.iso.datetime();

export const Product = z.object({
  productId: z.string(),
  name: z.string(),
  description: z.string(),
  category: z.string(),
  price: Money,
  /**
   * The user, or the API key that acts for itself, by id, that may change the product besides admins: the
   * seller who created it, or whom an admin has made the owner. Absent in products that an admin created,
   * and in those that were stored before products had owners.
   */
  ownerId: z.string().optional(),
  createdAt: Time,
  updatedAt: Time,
});
export type Product = z.infer<typeof Product>;
export type ProductFields = Omit<Product, 'productId' | 'ownerId' | 'createdAt' | 'updatedAt'>;

export function newProduct(
  productId: string,
  fields: Omit<Product, 'productId' | 'createdAt' | 'updatedAt'>,
  at: string,
): Product {
  return { productId, ...fields, createdAt: at, updatedAt: at };
}

/** No user or API key has this id. */
const NO_OWNER = '';

/**
 * Throws PERMISSION_DENIED if the caller may not change the product. It does not hide the product:
 * anyone can read the catalogue.
 */
export function requireEditor(caller: Caller, { ownerId }: Product): void {
  if (mayAccess(caller, ownerId ?? NO_OWNER)) return;
  throw new MicroserviceError('the product belongs to another seller', Code.PERMISSION_DENIED);
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
 * a key may not. Categories that look the same are the same.
 */
export function categoryKey(category: string): string {
  return hashOf(comparisonForm(category));
}

/** The owner of the list of a category in earlier releases, where only the case did not count. */
export function formerCategoryKey(category: string): string {
  return hashOf(category.toLowerCase());
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
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

export function availability(stock: Stock | undefined) {
  if (stock === undefined) return availabilityOf(undefined);
  return availabilityOf(Object.values(stock.shops).reduce((sum, shop) => sum + shop.left, 0));
}
