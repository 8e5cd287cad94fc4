import { z } from 'zod';

/** What an activity came to, as the workflow's history keeps it; and what later ones need of it. */
export const Outcome = z.object({
  done: z.boolean(),
  reason: z.enum(['out_of_stock', 'payment_failed', 'payment_unknown', 'undeliverable']).optional(),
  paymentId: z.string().optional(),
  deliveryId: z.string().optional(),
});
export type Outcome = z.infer<typeof Outcome>;

/** What an activity is given. The order itself, with an address and a token, is in no history. */
export const Task = z.object({ orderId: z.string(), outcome: Outcome });
export type Task = z.infer<typeof Task>;
