import type { z } from 'zod';
import { Code, type FieldError, MicroserviceError } from './errors';

export type ParseResult<T> = { data: T; errors?: never } | { data?: never; errors: FieldError[] };

/**
 * Parses a value with a schema. Returns the data, or every error with the path of its field
 * (`items.0.quantity`; empty for the value itself). A message follows the name of its field (`must be
 * at least 1`) and never repeats the value, which may be a secret.
 */
export function parseWith<S extends z.ZodType>(
  schema: S,
  value: unknown,
): ParseResult<z.output<S>> {
  const parsed = schema.safeParse(value, { error: messageFor });
  if (parsed.success) return { data: parsed.data };
  const errors = parsed.error.issues.flatMap((issue): FieldError[] => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({
        field: [...issue.path, key].join('.'),
        message: 'is unknown',
      }));
    }
    return [{ field: issue.path.join('.'), message: issue.message }];
  });
  return { errors };
}

/**
 * Errors in one line: `name is missing; items.0.quantity must be at least 1; and 2 more`. `whole` names
 * the value itself, such as `the request`. At most `max` errors are listed, of `found` in all.
 */
export function describeErrors(
  errors: readonly FieldError[],
  whole: string,
  max = Infinity,
  found = errors.length,
): string {
  const listed = errors
    .slice(0, max)
    .map(({ field, message }) => `${field === '' ? whole : field} ${message}`);
  const more = found - listed.length;
  return [...listed, ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
}

/** Errors that the message of a refused request names. */
const MAX_NAMED = 3;
/** Errors in its details, so that a response is not longer than its request. */
export const MAX_REPORTED = 20;

/**
 * INVALID_ARGUMENT for the errors of a request: the message names the first three, and `details.fields`
 * has the first twenty. `details.more` is the number of further ones, if there are any. `found` is their
 * number in all, for a caller that did not keep every one.
 */
export function invalidFields(
  errors: readonly FieldError[],
  whole: string,
  found = errors.length,
): MicroserviceError {
  const fields = errors.slice(0, MAX_REPORTED);
  const more = found - fields.length;
  const message = describeErrors(fields, whole, MAX_NAMED, found);
  return new MicroserviceError(message, Code.INVALID_ARGUMENT, {
    fields,
    ...(more > 0 ? { more } : {}),
  });
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  bigint: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

const FORMATS: Readonly<Record<string, string>> = {
  email: 'must be an email address',
  url: 'must be a URL',
  datetime: 'must be a time such as 2030-01-31T12:00:00Z',
  date: 'must be a date such as 2030-01-31',
  uuid: 'must be a UUID',
  regex: 'has an invalid format',
};

/** Messages for clients. The default messages of zod name its own types. */
function messageFor(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined) return 'is missing';
      return `must be ${TYPES[issue.expected] ?? issue.expected}`;
    case 'too_small':
      return bound(issue.origin, issue.minimum, issue.inclusive ? 'at least' : 'more than');
    case 'too_big':
      return bound(issue.origin, issue.maximum, issue.inclusive ? 'at most' : 'less than');
    case 'invalid_value':
      return `must be ${issue.values.map(String).join(' or ')}`;
    case 'invalid_format':
      if (issue.format === 'starts_with') return `must start with ${String(issue['prefix'])}`;
      return FORMATS[issue.format];
    case 'not_multiple_of':
      return `must be a multiple of ${String(issue.divisor)}`;
    case 'invalid_union':
      return 'matches none of the allowed formats';
    default:
      return undefined;
  }
}

function bound(origin: string, limit: number | bigint, comparison: string): string {
  const amount = String(limit);
  if (origin === 'string') {
    return comparison === 'at least' && amount === '1'
      ? 'must not be empty'
      : `must have ${comparison} ${amount} characters`;
  }
  return origin === 'array' || origin === 'set' || origin === 'map'
    ? `must have ${comparison} ${amount} ${amount === '1' ? 'entry' : 'entries'}`
    : `must be ${comparison} ${amount}`;
}
