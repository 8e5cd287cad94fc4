import { z } from 'zod';

/** The result of an activity in the workflow's history, with the data that later ones need. */
export const Outcome = z.object({
  done: z.boolean(),
  reason: z.enum(['out_of_stock', 'payment_failed', 'payment_unknown', 'undeliverable']).optional(),
  paymentId: z.string().optional(),
  deliveryId: z.string().optional(),
});
export type Outcome = z.infer<typeof Outcome>;

/** The input of an activity. The order itself, with an address and a token, is in no history. */
export const Task = z.object({ orderId: z.string(), outcome: Outcome });
export type Task = z.infer<typeof Task>;
