import { z } from 'zod';

/** What a payment provider calls a token has letters in it, and a card number has none. */
const TOKEN = /^(?=.*[A-Za-z])[\x21-\x7e]{1,255}$/;

/** How something is paid for, without cash. The token is for payment alone. */
export const PaymentMeans = z.object({
  method: z
    .string()
    .regex(/^[a-z]+(_[a-z]+)*$/, 'must be a code such as card')
    .max(32),
  token: z.string().regex(TOKEN, "must be the payment provider's token, never a card number"),
});
export type PaymentMeans = z.output<typeof PaymentMeans>;
