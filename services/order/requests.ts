import { z } from 'zod';
import { Address, Id, Quantity } from '#kit/validate';

const Item = z.object({ productId: Id, quantity: Quantity });

/** Events carry all items of an order, so there is a limit. */
const MOST_ITEMS = 50;

/** What a payment provider calls a token has letters in it, and a card number has none. */
const TOKEN = /^(?=.*[A-Za-z])[\x21-\x7e]{1,255}$/;

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
  payment: z.object({
    method: z
      .string()
      .regex(/^[a-z]+(_[a-z]+)*$/, 'must be a code such as card')
      .max(32),
    token: z.string().regex(TOKEN, "must be the payment provider's token, never a card number"),
  }),
  deliveryAddress: Address,
});
export type OrderRequest = z.output<typeof OrderRequest>;
