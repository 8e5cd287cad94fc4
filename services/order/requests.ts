import { z } from 'zod';
import { Address } from '#retail/address';
import { Id } from '#kit/core/validation';
import { PaymentMeans } from '#retail/payment-means';
import { Quantity } from '#retail/quantity';

const Item = z.object({ productId: Id, quantity: Quantity });

/** Events carry all items of an order, so there is a limit. */
const MOST_ITEMS = 50;

/** What somebody wants to buy, and how it is paid for and brought. */
export const OrderRequest = z.object({
  shopId: Id,
  items: z
    .array(Item)
    .min(1)
    .max(MOST_ITEMS)
    .superRefine((items, faults) => {
      const message = 'is there twice: give all of its quantity in one item';
      for (const [index, { productId }] of items.entries()) {
        if (items.findIndex((item) => item.productId === productId) === index) continue;
        faults.addIssue({ code: 'custom', path: [index, 'productId'], message });
      }
    }),
  payment: PaymentMeans,
  deliveryAddress: Address,
});
export type OrderRequest = z.output<typeof OrderRequest>;
