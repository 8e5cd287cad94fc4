import { z } from 'zod';
import { Money } from '#retail/money';
import { SagaLog } from '#kit/saga/saga-log';
import { PaymentMeans } from '#retail/payment-means';

/** A step that undoes another. `release` and `void` also block a reservation or payment that is late. */
export const Compensation = z.enum(['release', 'void', 'unclaim']);
export type Compensation = z.infer<typeof Compensation>;

/**
 * One sale from a machine. Without cash: pending → dispensing → settling → completed, or from pending
 * or dispensing → cancelling → cancelled. It ends as unpaid if the machine dispensed, but the payment
 * cannot be captured any more. A cash sale begins as settling.
 */
export const Vend = z.object({
  vendId: z.string(),
  machineId: z.string(),
  shopId: z.string(),
  slot: z.string(),
  productId: z.string(),
  quantity: z.int().positive(),
  /** The total of all pieces. */
  price: Money.optional(),
  channel: z.enum(['cash', 'cashless']),
  status: z.enum([
    'pending',
    'dispensing',
    'settling',
    'completed',
    'cancelling',
    'cancelled',
    'unpaid',
  ]),
  /** Empty for a cash sale. */
  userId: z.string(),
  /** Only payment needs it: it is removed when the outcome of the authorisation is stored. */
  payment: PaymentMeans.optional(),
  /** Hash of the request. Another request under the same Idempotency-Key is refused. */
  fingerprint: z.string().optional(),
  /** From this time on the machine must not dispense. */
  expiresAt: z.string().optional(),
  /** Why it is cancelled or unpaid. */
  reason: z.string().optional(),
  /** The compensations of its cancellation, in order. */
  undo: z.array(Compensation),
  /** The machine dispensed after the vend was cancelled. */
  dispensedLate: z.literal(true).optional(),
  /** The log of its saga. */
  story: SagaLog,
  createdAt: z.string(),
  updatedAt: z.string(),
});
export type Vend = z.infer<typeof Vend>;

/** The part of a vend that all its events have. */
export function toEventPayload({ vendId, machineId, shopId, slot, productId, quantity }: Vend) {
  return { vendId, machineId, shopId, slot, productId, quantity };
}

/** The reservation of a vend's pieces in inventory, under the vend's id. */
export function toReservation({ vendId, shopId, productId, quantity }: Vend) {
  return { orderId: vendId, shopId, items: [{ productId, quantity }] };
}
