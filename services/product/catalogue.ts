import { z } from 'zod';
import { accountOf, requireRole } from '#kit/core/caller';
import { isoTime } from '#kit/core/clock';
import type { EventData } from '#kit/messages/contract';
import { notFound, stillInProgress } from '#kit/core/errors';
import { requirePrecondition } from '#kit/core/precondition';
import { Id, validate } from '#kit/core/validation';
import { Price } from '#retail/money';
import type {
  CreateProductRequest,
  UpdateProductRequest,
} from '#proto/retail/product/v1/product_pb';
import { CreateProduct, ProductCreated, ProductUpdated, UpdateProduct } from '#contracts/product';
import { Line, Paragraphs } from '#retail/text';
import { toMessage } from './availability';
import { type Product, categoryKey, newProduct, requireEditor, updated } from './domain';
import type { Context } from './definition';

const NewProductFields = z.object({
  name: Line(1, 200),
  description: Paragraphs(0, 5000),
  category: Line(1, 100),
  price: Price,
});
const ProductUpdate = NewProductFields.partial().extend({ productId: Id });

/** Creates a product. A seller becomes its owner. */
export async function createProduct(request: CreateProductRequest, context: Context) {
  const { products, newId, dispatchAndWait, clock, caller } = context;
  requireRole(caller, 'seller', 'admin');
  const fields = {
    ...validate(NewProductFields, request),
    ...(caller.role === 'seller' ? { ownerId: accountOf(caller) } : {}),
  };
  const productId = newId('product');
  const known = await products.get(productId);
  // a retry, and the product was created the first time
  if (known !== undefined) return toMessage(known, context);
  const product = await dispatchAndWait(CreateProduct, { productId, ...fields }, () =>
    products.get(productId),
  );
  // if it takes longer than the caller waits: the expected result, since nothing can refuse it any more
  return toMessage(product ?? newProduct(productId, fields, isoTime(clock)), context);
}

/** Handles CreateProduct. */
export async function addProduct(
  { productId, ...fields }: EventData<typeof CreateProduct>,
  context: Context,
): Promise<void> {
  const { products, lists, publish, clock } = context;
  const product = await products.update(
    productId,
    (known) => known ?? newProduct(productId, fields, isoTime(clock)),
  );
  await listInCategory(product, [fields.category], context);
  await lists.catalogue.add('all', productId);
  await publish(ProductCreated, product);
}

export async function updateProduct(request: UpdateProductRequest, context: Context) {
  const { products, dispatchAndWait, clock, caller, precondition } = context;
  requireRole(caller, 'seller', 'admin');
  const { productId, ...update } = validate(ProductUpdate, request);
  const known = await products.get(productId);
  if (known === undefined) throw notFound('product');
  requireEditor(caller, known);
  const { document, outcome } = updated(known, update, isoTime(clock));
  // only the command knows whether an earlier try of this request has made the change
  if (outcome.changed.length === 0 && precondition === undefined) return toMessage(known, context);
  const command = { productId, ...update, precondition };
  const product = await dispatchAndWait(UpdateProduct, command, () => products.get(productId));
  if (product === undefined && precondition !== undefined) throw stillInProgress('the update');
  return toMessage(product ?? document, context);
}

/** Handles UpdateProduct. */
export async function applyUpdate(
  { productId, precondition, ...update }: EventData<typeof UpdateProduct>,
  context: Context,
): Promise<void> {
  const { products, publish, clock } = context;
  const { document, outcome } = await products.decide(productId, (product) => {
    if (product === undefined) throw notFound('product');
    requirePrecondition(precondition, product);
    return updated(product, update, isoTime(clock));
  });
  const { changed, from, to } = outcome;
  if (changed.length === 0) return;
  if (categoryKey(from) !== categoryKey(to)) await listInCategory(document, [from, to], context);
  await publish(ProductUpdated, { ...document, changed });
}

/**
 * Puts a product into the list of its category, and removes it from the lists of other categories. Which
 * category that is, its document decides and not this move: a move that is handled late may have been
 * replaced by others, also by one back.
 */
async function listInCategory(
  product: Product,
  categories: readonly string[],
  { products, lists }: Context,
): Promise<void> {
  const { productId } = product;
  const known = new Set(categories.map(categoryKey));
  for (let current = categoryKey(product.category); ;) {
    await lists.catalogue.add(current, productId);
    for (const other of known)
      if (other !== current) await lists.catalogue.remove(other, productId);
    known.add(current);
    const after = categoryKey((await products.getOrThrow(productId)).category);
    if (after === current) return;
    current = after;
  }
}
