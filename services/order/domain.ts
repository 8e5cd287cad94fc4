import { z } from 'zod';
import { Code, MicroserviceError, invalid } from '#kit/core/errors';
import { Money, add, times } from '#retail/money';
import { SagaLog } from '#kit/saga/saga-log';
import { PaymentMeans } from '#retail/payment-means';

/** A step that undoes an earlier one. `void` and `release` also block a step that arrives later. */
export const Compensation = z.enum(['cancel_delivery', 'refund', 'void', 'release', 'return']);
export type Compensation = z.infer<typeof Compensation>;

/** Where an order is placed. */
export const CHANNELS = ['online', 'store', 'pickup', 'vending'] as const;
export type Channel = (typeof CHANNELS)[number];

/** The wait of a confirmed order for its buyer. */
const Pickup = z.object({
  status: z.enum(['preparing', 'ready', 'collected']),
  readyAt: z.string().optional(),
  /** A ready order is cancelled if it is not collected by then. */
  expiresAt: z.string().optional(),
  collectedAt: z.string().optional(),
});
export type Pickup = z.infer<typeof Pickup>;

/** requested → received → refunding → completed, or requested → received → rejected. */
export const Return = z.object({
  returnId: z.string(),
  status: z.enum(['requested', 'received', 'refunding', 'completed', 'rejected']),
  items: z.array(
    z.object({
      productId: z.string(),
      quantity: z.int(),
      /** Pieces that are refunded, and pieces that go back to the stock; absent until it is decided. */
      accepted: z.int().optional(),
      restocked: z.int().optional(),
    }),
  ),
  /** A code of the buyer. */
  reason: z.string(),
  /** What the accepted pieces cost, and what was refunded of it. */
  refund: Money.optional(),
  refunded: Money.optional(),
  createdAt: z.string(),
  updatedAt: z.string(),
});
export type Return = z.infer<typeof Return>;

/** Personal data for payment and delivery only. Removed once the order is confirmed or cancelled. */
const Instructions = z.object({
  payment: PaymentMeans,
  /** Of an online order. */
  deliveryAddress: z
    .object({
      name: z.string(),
      line1: z.string(),
      line2: z.string(),
      postalCode: z.string(),
      city: z.string(),
      country: z.string(),
    })
    .optional(),
});

/** pending → confirmed → cancelling → cancelled, or pending → cancelling → cancelled. */
export const Order = z.object({
  orderId: z.string(),
  userId: z.string(),
  shopId: z.string(),
  status: z.enum(['pending', 'confirmed', 'cancelling', 'cancelled']),
  /** Absent in orders that were stored before they had one. */
  channel: z.enum(CHANNELS).default('online'),
  items: z.array(z.object({ productId: z.string(), quantity: z.int(), unitPrice: Money })),
  /** Of the items and the delivery. */
  totalAmount: Money,
  /** The part of the total that the buyer pays for the delivery; absent if that is nothing. */
  deliveryPrice: Money.optional(),
  /** The shop was closed when the order was placed, and opens then. */
  handledFrom: z.string().optional(),
  /** Policies of the shop when the order was placed. */
  pickupHoldHours: z.int().default(72),
  returnDays: z.int().default(14),
  /** Of an order for pickup, from its confirmation on. */
  pickup: Pickup.optional(),
  returns: z.array(Return).default([]),
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

/** What the shop and the carrier decided about an order before it is stored. It does not change later. */
export type Priced = Pick<
  Order,
  'items' | 'totalAmount' | 'deliveryPrice' | 'handledFrom' | 'pickupHoldHours' | 'returnDays'
>;

/**
 * The items with the shop's unit prices, and their total. Throws INVALID_ARGUMENT if a price is missing,
 * or if the currencies differ.
 */
export function priceItems(
  items: readonly { productId: string; quantity: number }[],
  prices: readonly (Money | undefined)[],
): Pick<Order, 'items' | 'totalAmount'> {
  const withPrices = items.map((item, index) => {
    const price = prices[index];
    if (price === undefined) throw invalid(`items.${index}.productId`, 'has no price');
    return { ...item, unitPrice: { amount: price.amount, currency: price.currency } };
  });
  const currencies = new Set(withPrices.map(({ unitPrice }) => unitPrice.currency));
  if (currencies.size !== 1) {
    throw refusedField('items', 'must all be priced in one currency', 'currency_mismatch');
  }
  const amounts = withPrices.map(({ unitPrice, quantity }) => times(unitPrice, quantity));
  return { items: withPrices, totalAmount: amounts.reduce(add) };
}

/** INVALID_ARGUMENT for one field of an order, with the reason as a code. */
export function refusedField(
  field: string,
  message: string,
  reason: string,
  details: Readonly<Record<string, unknown>> = {},
): MicroserviceError {
  return new MicroserviceError(`${field} ${message}`, Code.INVALID_ARGUMENT, {
    ...details,
    reason,
    fields: [{ field, message }],
  });
}

/** Whether the items are brought to the buyer. */
export function isDelivered({ channel }: Pick<Order, 'channel'>): boolean {
  return channel === 'online';
}

/** The fields that the events of an order have in common. */
export function toEventPayload({ orderId, userId, shopId, items, totalAmount, channel }: Order) {
  return { orderId, userId, shopId, items, totalAmount, channel };
}

/** The request to inventory: the items without prices. */
export function toReservation({ orderId, shopId, items }: Order) {
  return {
    orderId,
    shopId,
    items: items.map(({ productId, quantity }) => ({ productId, quantity })),
  };
}
