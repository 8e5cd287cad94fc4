import { z } from 'zod';
import { Code, MicroserviceError } from './errors';
import { inWords, read } from './faults';

/**
 * The request as the schema reads it. Throws INVALID_ARGUMENT with every fault in
 * `details.fields`; the message names the first three.
 */
export function checked<S extends z.ZodType>(schema: S, request: unknown): z.output<S> {
  const { data, faults } = read(schema, request);
  if (faults === undefined) return data;
  throw new MicroserviceError(inWords(faults, 'the request', 3), Code.INVALID_ARGUMENT, {
    fields: faults,
  });
}

/** The id of an entity: safe in a URL, in a key of the store and in a log. */
export const Id = z
  .string()
  .regex(/^[\w-]{1,64}$/, 'must be 1 to 64 letters, digits, hyphens or underscores');

/** Pieces of one product. */
export const Quantity = z.int().min(1).max(1000);

/** A text of so many characters, without the space around it. */
export function Text(min: number, max: number) {
  return z.string().trim().min(min).max(max);
}

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

/** Where something is brought. Personal: it is told to nobody but who brings it. */
export const Address = z.object({
  name: Text(1, 200),
  line1: Text(1, 200),
  line2: Text(0, 200).default(''),
  postalCode: Text(1, 20),
  city: Text(1, 200),
  country: z.string().regex(/^[A-Z]{2}$/, 'must be an ISO 3166-1 code such as DE'),
});
export type Address = z.output<typeof Address>;

/** A number that protobuf gives as 0 where the request has none. */
function orWhenAbsent(usual: number, number: z.ZodInt) {
  return z
    .int()
    .default(0)
    .transform((given) => (given === 0 ? usual : given))
    .pipe(number);
}

/** Which page of a list: `page` counts from 1 (usually 1), `limit` is 1 to 100 (usually 20). */
export const PageRequest = z.object({
  page: orWhenAbsent(1, z.int().min(1)),
  limit: orWhenAbsent(20, z.int().min(1).max(100)),
});
export type PageRequest = z.output<typeof PageRequest>;
