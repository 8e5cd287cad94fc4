import { z } from 'zod';
import { Address } from '#retail/address';
import { Id } from '#kit/core/validation';
import { PaymentMeans } from '#retail/payment-means';
import { Quantity } from '#retail/quantity';

const Item = z.object({ productId: Id, quantity: Quantity });

/** Bounds the size of events, which carry all items of an order. */
const MAX_ITEMS = 50;

/** The body of placeOrder. */
export const OrderRequest = z.object({
  shopId: Id,
  items: z
    .array(Item)
    .min(1)
    .max(MAX_ITEMS)
    .superRefine((items, context) => {
      const message = 'appears twice; put its whole quantity into one item';
      for (const [index, { productId }] of items.entries()) {
        if (items.findIndex((item) => item.productId === productId) === index) continue;
        context.addIssue({ code: 'custom', path: [index, 'productId'], message });
      }
    }),
  payment: PaymentMeans,
  deliveryAddress: Address,
});
export type OrderRequest = z.output<typeof OrderRequest>;
