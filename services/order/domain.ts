import { z } from 'zod';
import { invalid } from '#kit/core/errors';
import { Money, add, times } from '#retail/money';
import { SagaLog } from '#kit/saga/saga-log';
import { PaymentMeans } from '#retail/payment-means';

/** How a step is taken back. `void` and `release` also bar what is still on its way. */
export const Undo = z.enum(['cancel_delivery', 'refund', 'void', 'release', 'return']);
export type Undo = z.infer<typeof Undo>;

/** Only delivery and payment need to know this, and only until the order is decided. */
const Instructions = z.object({
  payment: PaymentMeans,
  deliveryAddress: z.object({
    name: z.string(),
    line1: z.string(),
    line2: z.string(),
    postalCode: z.string(),
    city: z.string(),
    country: z.string(),
  }),
});

/** pending → confirmed → cancelling → cancelled, or pending → cancelling → cancelled. */
export const Order = z.object({
  orderId: z.string(),
  userId: z.string(),
  shopId: z.string(),
  status: z.enum(['pending', 'confirmed', 'cancelling', 'cancelled']),
  items: z.array(z.object({ productId: z.string(), quantity: z.int(), unitPrice: Money })),
  totalAmount: Money,
  instructions: Instructions.optional(),
  /** Of the request: the same Idempotency-Key with another request is a mistake. */
  fingerprint: z.string(),
  paymentId: z.string().optional(),
  deliveryId: z.string().optional(),
  /** Set once and for ever when the order is confirmed, also if it is cancelled afterwards. */
  confirmedAt: z.string().optional(),
  /** Why it is cancelled, and what that takes, in order. */
  reason: z.string().optional(),
  undo: z.array(Undo),
  story: SagaLog,
  createdAt: z.string(),
  updatedAt: z.string(),
});
export type Order = z.infer<typeof Order>;

/** The items at today's prices, and their sum. Throws INVALID_ARGUMENT naming what has none. */
export function priced(
  items: readonly { productId: string; quantity: number }[],
  prices: ReadonlyMap<string, Money | undefined>,
): Pick<Order, 'items' | 'totalAmount'> {
  const withPrices = items.map((item, index) => {
    const price = prices.get(item.productId);
    if (price === undefined) throw invalid(`items.${index}.productId`, 'is no product');
    return { ...item, unitPrice: { amount: price.amount, currency: price.currency } };
  });
  const currencies = new Set(withPrices.map(({ unitPrice }) => unitPrice.currency));
  if (currencies.size !== 1) throw invalid('items', 'must all be priced in one currency');
  const amounts = withPrices.map(({ unitPrice, quantity }) => times(unitPrice, quantity));
  return { items: withPrices, totalAmount: amounts.reduce(add) };
}

/** What an order is about, as its events tell it. */
export function facts({ orderId, userId, shopId, items, totalAmount }: Order) {
  return { orderId, userId, shopId, items, totalAmount };
}

/** What inventory holds for an order. */
export function goods({ orderId, shopId, items }: Order) {
  return {
    orderId,
    shopId,
    items: items.map(({ productId, quantity }) => ({ productId, quantity })),
  };
}
