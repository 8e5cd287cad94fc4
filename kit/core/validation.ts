import { z } from 'zod';
import { Code, MicroserviceError } from './errors';
import { describeErrors, parseWith } from './schema-errors';

/**
 * The request as the schema reads it. Throws INVALID_ARGUMENT with every fault in
 * `details.fields`; the message names the first three.
 */
export function validate<S extends z.ZodType>(schema: S, request: unknown): z.output<S> {
  const { data, errors } = parseWith(schema, request);
  if (errors === undefined) return data;
  throw new MicroserviceError(describeErrors(errors, 'the request', 3), Code.INVALID_ARGUMENT, {
    fields: errors,
  });
}

/** The id of an entity: safe in a URL, in a key of the store and in a log. */
export const Id = z
  .string()
  .regex(/^[\w-]{1,64}$/, 'must be 1 to 64 letters, digits, hyphens or underscores');

/** A text of so many characters, without the space around it. */
export function Text(min: number, max: number) {
  return z.string().trim().min(min).max(max);
}

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
