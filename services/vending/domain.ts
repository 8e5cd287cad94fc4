import { z } from 'zod';
import { Money } from '#retail/money';
import { SagaLog } from '#kit/saga/saga-log';
import { PaymentMeans } from '#retail/payment-means';

/** How a step is taken back. `void` and `release` also bar what is still on its way. */
export const Undo = z.enum(['release', 'void', 'unclaim']);
export type Undo = z.infer<typeof Undo>;

/**
 * pending → dispensing → settling → completed, or from the first two → cancelling → cancelled. It
 * ends as unpaid where the machine has dispensed, and the money cannot be taken any more. Paid in
 * cash it begins as settling.
 */
export const Vend = z.object({
  vendId: z.string(),
  machineId: z.string(),
  shopId: z.string(),
  slot: z.string(),
  productId: z.string(),
  quantity: z.int().positive(),
  /** Of all pieces. */
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
  /** Empty where cash was paid. */
  userId: z.string(),
  /** Only payment needs to know this, and only until the money is authorised. */
  payment: PaymentMeans.optional(),
  /** Of the request: the same Idempotency-Key with another request is a mistake. */
  fingerprint: z.string().optional(),
  /** From then on the machine must not dispense any more. */
  expiresAt: z.string().optional(),
  /** Why it is cancelled, or unpaid; and what cancelling it takes, in order. */
  reason: z.string().optional(),
  undo: z.array(Undo),
  /** The machine has dispensed, though it had been given up. */
  dispensedLate: z.literal(true).optional(),
  story: SagaLog,
  createdAt: z.string(),
  updatedAt: z.string(),
});
export type Vend = z.infer<typeof Vend>;

/** A vend's pieces, as its events tell of them. */
export function facts({ vendId, machineId, shopId, slot, productId, quantity }: Vend) {
  return { vendId, machineId, shopId, slot, productId, quantity };
}

/** What inventory holds for a vend. */
export function goods({ vendId, shopId, productId, quantity }: Vend) {
  return { orderId: vendId, shopId, items: [{ productId, quantity }] };
}
