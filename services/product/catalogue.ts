import { z } from 'zod';
import { requireRole } from '#kit/core/caller';
import { isoTime } from '#kit/core/clock';
import type { EventData } from '#kit/messages/contract';
import { notFound } from '#kit/core/errors';
import { Id, Text, validate } from '#kit/core/validation';
import type {
  CreateProductRequest,
  UpdateProductRequest,
} from '#proto/retail/product/v1/product_pb';
import { CreateProduct, ProductCreated, ProductUpdated, UpdateProduct } from '#contracts/product';
import { shown } from './availability';
import { Price, type Product, created, revised, shelf } from './domain';
import type { Context } from './definition';

const EDITORS = ['seller', 'admin', 'service'] as const;

const Wanted = z.object({
  name: Text(1, 200),
  description: Text(0, 5000),
  category: Text(1, 100),
  price: Price,
});
const Revision = Wanted.partial().extend({ productId: Id });

export async function createProduct(request: CreateProductRequest, context: Context) {
  const { products, newId, dispatchAndWait, clock, caller } = context;
  requireRole(caller, ...EDITORS);
  const wanted = validate(Wanted, request);
  const productId = newId('product');
  const known = await products.get(productId);
  // asked again, and it was done the first time
  if (known !== undefined) return shown(known, context);
  const product = await dispatchAndWait(CreateProduct, { productId, ...wanted }, () =>
    products.get(productId),
  );
  // where it takes longer: as it will be, since nothing can refuse it any more
  return shown(product ?? created(productId, wanted, isoTime(clock)), context);
}

export async function addProduct(
  { productId, ...fields }: EventData<typeof CreateProduct>,
  context: Context,
): Promise<void> {
  const { products, lists, publish, clock } = context;
  await products.update(productId, (known) => known ?? created(productId, fields, isoTime(clock)));
  const product = await shelve(productId, shelf(fields.category), context);
  await lists.catalogue.add('all', productId);
  await publish(ProductCreated, product);
}

export async function updateProduct(request: UpdateProductRequest, context: Context) {
  const { products, dispatchAndWait, clock, caller } = context;
  requireRole(caller, ...EDITORS);
  const { productId, ...revision } = validate(Revision, request);
  const known = await products.get(productId);
  if (known === undefined) throw notFound('product');
  const { document, outcome } = revised(known, revision, isoTime(clock));
  if (outcome.changed.length === 0) return shown(known, context);
  const product = await dispatchAndWait(UpdateProduct, { productId, ...revision }, () =>
    products.get(productId),
  );
  return shown(product ?? document, context);
}

export async function reviseProduct(
  { productId, ...revision }: EventData<typeof UpdateProduct>,
  context: Context,
): Promise<void> {
  const { products, lists, publish, clock } = context;
  const { document, outcome } = await products.decide(productId, (product) => {
    if (product === undefined) throw notFound('product');
    return revised(product, revision, isoTime(clock));
  });
  const { changed } = outcome;
  if (changed.length === 0) return;
  const [from, to] = [shelf(outcome.from), shelf(outcome.to)];
  if (from !== to) await lists.catalogue.remove(from, productId);
  const product = from === to ? document : await shelve(productId, to, context);
  await publish(ProductUpdated, { ...product, changed });
}

/** Puts a product on the list of its category, and answers it as it is after that. */
async function shelve(
  productId: string,
  to: string,
  { products, lists }: Context,
): Promise<Product> {
  await lists.catalogue.add(to, productId);
  const product = await products.getOrThrow(productId);
  // a later move may have come by in between, and found nothing to remove
  if (shelf(product.category) !== to) await lists.catalogue.remove(to, productId);
  return product;
}
