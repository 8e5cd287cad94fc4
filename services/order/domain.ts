import { z } from 'zod';
import { invalid } from '#kit/core/errors';
import { Money, add, times } from '#retail/money';
import { SagaLog } from '#kit/saga/saga-log';
import { PaymentMeans } from '#retail/payment-means';

/** A step that undoes an earlier one. `void` and `release` also block a step that arrives later. */
export const Compensation = z.enum(['cancel_delivery', 'refund', 'void', 'release', 'return']);
export type Compensation = z.infer<typeof Compensation>;

/** Personal data for payment and delivery only. Removed once the order is confirmed or cancelled. */
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
  /** Hash of the request, to refuse another request with the same Idempotency-Key. */
  fingerprint: z.string(),
  paymentId: z.string().optional(),
  deliveryId: z.string().optional(),
  /** Set when the order is confirmed, and kept if it is cancelled afterwards. */
  confirmedAt: z.string().optional(),
  /** Why the order is cancelled: a code. */
  reason: z.string().optional(),
  /** The compensations of a cancelled order, in the order in which they run. */
  undo: z.array(Compensation),
  /** The saga log, under the name that it has in the API. */
  story: SagaLog,
  createdAt: z.string(),
  updatedAt: z.string(),
});
export type Order = z.infer<typeof Order>;

/**
 * The items with today's unit prices, and their total. Throws INVALID_ARGUMENT for a product without
 * a price, and if the currencies differ.
 */
export function priceItems(
  items: readonly { productId: string; quantity: number }[],
  prices: ReadonlyMap<string, Money | undefined>,
): Pick<Order, 'items' | 'totalAmount'> {
  const withPrices = items.map((item, index) => {
    const price = prices.get(item.productId);
    if (price === undefined) throw unknownProduct(index);
    return { ...item, unitPrice: { amount: price.amount, currency: price.currency } };
  });
  const currencies = new Set(withPrices.map(({ unitPrice }) => unitPrice.currency));
  if (currencies.size !== 1) throw invalid('items', 'must all be priced in one currency');
  const amounts = withPrices.map(({ unitPrice, quantity }) => times(unitPrice, quantity));
  return { items: withPrices, totalAmount: amounts.reduce(add) };
}

/** INVALID_ARGUMENT that names the item; `index` is undefined if the item is not known. */
export function unknownProduct(index: number | undefined) {
  const field = index === undefined ? 'items' : `items.${index}.productId`;
  return invalid(field, 'is not a known product');
}

/** The fields that the events of an order have in common. */
export function toEventPayload({ orderId, userId, shopId, items, totalAmount }: Order) {
  return { orderId, userId, shopId, items, totalAmount };
}

/** The request to inventory: the items without prices. */
export function toReservation({ orderId, shopId, items }: Order) {
  return {
    orderId,
    shopId,
    items: items.map(({ productId, quantity }) => ({ productId, quantity })),
  };
}
