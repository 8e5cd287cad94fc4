import { z } from 'zod';
import { invalidFields, parseWith } from './schema-errors';

/**
 * Parses a request with the schema. Throws INVALID_ARGUMENT with its errors: see `invalidFields`.
 */
export function validate<S extends z.ZodType>(schema: S, request: unknown): z.output<S> {
  const { data, errors } = parseWith(schema, request);
  if (errors === undefined) return data;
  throw invalidFields(errors, 'the request');
}

/** The id of an entity: safe in a URL, in a key of the state store and in a log. */
export const Id = z
  .string()
  .regex(/^[\w-]{1,64}$/, 'must be 1 to 64 letters, digits, hyphens or underscores');

/** A number with a default. An absent field is 0 in a protobuf message, so 0 counts as absent. */
function orWhenAbsent(byDefault: number, number: z.ZodInt) {
  return z
    .int()
    .default(0)
    .transform((value) => (value === 0 ? byDefault : value))
    .pipe(number);
}

/** A page of a list: `page` counts from 1 (default 1), `limit` is 1 to 100 (default 20). */
export const PageRequest = z.object({
  page: orWhenAbsent(1, z.int().min(1)),
  limit: orWhenAbsent(20, z.int().min(1).max(100)),
});
export type PageRequest = z.output<typeof PageRequest>;
