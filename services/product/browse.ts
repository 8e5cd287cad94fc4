import { z } from 'zod';
import { requireRole } from '#kit/core/caller';
import { Code, MicroserviceError, notFound } from '#kit/core/errors';
import { Id, PageRequest, validate } from '#kit/core/validation';
import type {
  ExportProductsRequest,
  GetProductRequest,
  ListProductsRequest,
  PriceItemsRequest,
} from '#proto/retail/product/v1/product_pb';
import { Line } from '#retail/text';
import { toMessage } from './availability';
import { categoryKey, formerCategoryKey } from './domain';
import type { Context } from './definition';

const ProductRequest = z.object({ productId: Id });

export async function getProduct(request: GetProductRequest, context: Context) {
  const { productId } = validate(ProductRequest, request);
  const product = await context.products.get(productId);
  if (product === undefined) throw notFound('product');
  return toMessage(product, context);
}

const ListRequest = PageRequest.extend({ category: Line(0, 100) });

export async function listProducts(request: ListProductsRequest, context: Context) {
  const { page, limit, category } = validate(ListRequest, request);
  const { lists, products } = context;
  const owner = category === '' ? 'all' : categoryKey(category);
  if (category !== '') await adoptFormerList(category, context);
  const { items: ids, total } = await lists.catalogue.page(owner, page, limit);
  const items = await Promise.all(
    ids.map(async (id) => {
      const product = await products.get(id);
      return product === undefined ? [] : [await toMessage(product, context)];
    }),
  );
  return { items: items.flat(), page, limit, total };
}

/** Moves products that an earlier release listed under another key of this category. */
async function adoptFormerList(category: string, { lists, products }: Context): Promise<void> {
  const [former, owner] = [formerCategoryKey(category), categoryKey(category)];
  if (former === owner) return;
  const { items: ids } = await lists.catalogue.page(former, 1, 100);
  for (const id of ids) {
    const product = await products.get(id);
    // a product that was moved meanwhile is in the list of its present category
    if (product !== undefined && categoryKey(product.category) === owner) {
      await lists.catalogue.add(owner, id);
    }
    await lists.catalogue.remove(former, id);
  }
}

const PriceRequest = z.object({ productIds: z.array(Id).min(1).max(100) });

/** Returns the name and price of each product, in the order of the request. */
export async function priceItems(request: PriceItemsRequest, { products }: Context) {
  const { productIds } = validate(PriceRequest, request);
  const found = await Promise.all(productIds.map((id) => products.get(id)));
  const prices = found.map((product, index) => {
    if (product !== undefined) return product;
    const productId = productIds[index];
    throw new MicroserviceError(`product ${productId} not found`, Code.NOT_FOUND, {
      reason: 'product_not_found',
      productId,
    });
  });
  return { prices: prices.map(({ productId, name, price }) => ({ productId, name, price })) };
}

/** Returns products with the sequences of their events, so that a reader can combine both. */
export async function exportProducts(request: ExportProductsRequest, context: Context) {
  const { lists, products, stocks, sequenceOf, caller } = context;
  requireRole(caller, 'service');
  const { page, limit } = validate(PageRequest, request);
  const { items: ids, total } = await lists.catalogue.page('all', page, limit);
  const items = await Promise.all(
    ids.map(async (id) => {
      const product = await products.get(id);
      if (product === undefined) return [];
      // the stock is read after it, under the same key
      const sequence = sequenceOf(id);
      const { shops = {} } = (await stocks.get(id)) ?? {};
      const stock = Object.entries(shops).map(([shopId, it]) => ({ shopId, ...it }));
      return [{ product: await toMessage(product, context), sequence, stocks: stock }];
    }),
  );
  return { items: items.flat(), page, limit, total };
}
