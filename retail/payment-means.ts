import { z } from 'zod';

/** A token of a payment provider contains a letter; a card number does not. */
const TOKEN = /^(?=.*[A-Za-z])[\x21-\x7e]{1,255}$/;

/** A cashless means of payment. Only the payment service uses the token. */
export const PaymentMeans = z.object({
  method: z
    .string()
    .regex(/^[a-z]+(_[a-z]+)*$/, 'must be a code such as card')
    .max(32),
  token: z.string().regex(TOKEN, "must be the payment provider's token, never a card number"),
});
export type PaymentMeans = z.output<typeof PaymentMeans>;
