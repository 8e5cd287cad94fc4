import type { EventMeta } from '#kit/messages/cloud-event';
import type { EventData } from '#kit/messages/contract';
import type { StockUpdated } from '#contracts/inventory';
import type { ProductCreated, ProductUpdated } from '#contracts/product';
import type { OfferUpdated } from '#contracts/shop';
import type { Context } from './definition';
import { putOffer, putProduct, putStock } from './index-product';

/** The documents whose changes are counted by the sequence of an event. */
export const STREAMS = { product: 'product', stock: 'stock', offer: 'offer' } as const;

/** Handles ProductCreated and ProductUpdated. */
export async function recordProduct(
  product: EventData<typeof ProductCreated | typeof ProductUpdated>,
  { readModel, caller, clock }: Context,
  meta: EventMeta,
): Promise<void> {
  const { tenantId: tenant } = caller;
  const published = meta.time === undefined ? clock.now() : Date.parse(meta.time);
  const at = (time: string | undefined) => (time === undefined ? published : Date.parse(time));
  await readModel.apply(
    { ...meta, tenant, stream: STREAMS.product },
    putProduct(tenant, {
      ...product,
      createdAt: at(product.createdAt),
      updatedAt: at(product.updatedAt),
    }),
  );
}

/** Handles StockUpdated. */
export async function recordStock(
  { shopId, productId, newStock }: EventData<typeof StockUpdated>,
  { readModel, caller: { tenantId: tenant } }: Context,
  meta: EventMeta,
): Promise<void> {
  await readModel.apply(
    { ...meta, tenant, stream: STREAMS.stock },
    putStock(tenant, productId, shopId, newStock),
  );
}

/** Handles OfferUpdated. */
export async function recordOffer(
  { shopId, productId, price, withdrawn }: EventData<typeof OfferUpdated>,
  { readModel, caller: { tenantId: tenant } }: Context,
  meta: EventMeta,
): Promise<void> {
  await readModel.apply(
    { ...meta, tenant, stream: STREAMS.offer },
    putOffer(tenant, { shopId, productId, price, withdrawn }),
  );
}
