import { z } from 'zod';
import { Reason } from '#contracts/fields';
import { Address } from '#retail/address';
import { Id, PageRequest, validate } from '#kit/core/validation';
import { PaymentMeans } from '#retail/payment-means';
import { Quantity } from '#retail/quantity';
import { CHANNELS } from './domain';

const Item = z.object({ productId: Id, quantity: Quantity });

/** Bounds the size of events, which carry all items of an order. */
const MAX_ITEMS = 50;

/** A list with one entry for each product. */
function onePerProduct(items: readonly { productId: string }[], context: z.RefinementCtx): void {
  const message = 'appears twice; put its whole quantity into one item';
  for (const [index, { productId }] of items.entries()) {
    if (items.findIndex((item) => item.productId === productId) === index) continue;
    context.addIssue({ code: 'custom', path: [index, 'productId'], message });
  }
}

const AnyOrder = z.object({
  shopId: Id,
  items: z.array(Item).min(1).max(MAX_ITEMS).superRefine(onePerProduct),
  payment: PaymentMeans,
  channel: z.enum(CHANNELS).default('online'),
});

const DeliveredOrder = AnyOrder.extend({ deliveryAddress: Address, quoteId: Id.optional() });

/** The body of placeOrder. Only an online order has an address: that of another is not even stored. */
export type OrderRequest = z.output<typeof AnyOrder> &
  Partial<Pick<z.output<typeof DeliveredOrder>, 'deliveryAddress' | 'quoteId'>>;

export function validateOrder(request: { readonly channel?: string | undefined }): OrderRequest {
  const { channel = 'online' } = request;
  return validate(channel === 'online' ? DeliveredOrder : AnyOrder, request);
}

export const ByOrderId = z.object({ orderId: Id });

export const ShopPage = PageRequest.extend({ shopId: Id });

export const PickupUpdate = ByOrderId.extend({ status: z.enum(['ready', 'collected']) });

export const NewReturn = ByOrderId.extend({
  items: z.array(Item).max(MAX_ITEMS).superRefine(onePerProduct),
  reason: Reason.default('no_reason_given'),
});

export const ByReturnId = ByOrderId.extend({ returnId: Id });

const Pieces = z.int().min(0).max(1000);

export const ReturnDecisions = ByReturnId.extend({
  items: z
    .array(
      z
        .object({ productId: Id, accepted: Pieces.optional(), restocked: Pieces.optional() })
        .refine(({ accepted = Infinity, restocked = 0 }) => restocked <= accepted, {
          path: ['restocked'],
          message: 'must be at most the accepted pieces',
        }),
    )
    .max(MAX_ITEMS)
    .superRefine(onePerProduct),
});
