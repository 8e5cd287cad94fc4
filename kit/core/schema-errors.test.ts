import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { describeErrors, parseWith } from './schema-errors';

function messageOf(schema: z.ZodType, value: unknown): string | undefined {
  return parseWith(schema, value).errors?.[0]?.message;
}

describe('parseWith', () => {
  it('returns the data of a valid value', () => {
    expect(parseWith(z.object({ n: z.int().default(1) }), {})).toEqual({ data: { n: 1 } });
  });

  it('returns every error with the path of its field', () => {
    const schema = z.strictObject({
      name: z.string().min(1),
      items: z.array(z.strictObject({ quantity: z.int() })),
    });
    const { errors } = parseWith(schema, {
      items: [{ quantity: 1, gift: true }, {}],
      colour: 'red',
    });
    expect(errors).toEqual([
      { field: 'name', message: 'is missing' },
      { field: 'items.0.gift', message: 'is unknown' },
      { field: 'items.1.quantity', message: 'is missing' },
      { field: 'colour', message: 'is unknown' },
    ]);
  });

  it.each<[string, z.ZodType, unknown]>([
    ['must be a string', z.string(), 1],
    ['must be a number', z.number(), 'x'],
    ['must be a whole number', z.int(), 1.5],
    ['must be true or false', z.boolean(), 'yes'],
    ['must be a list', z.array(z.int()), {}],
    ['must be an object', z.object({}), 'x'],
    ['must not be empty', z.string().min(1), ''],
    ['must have at least 8 characters', z.string().min(8), 'x'],
    ['must have at most 2 characters', z.string().max(2), 'xyz'],
    ['must have at least 1 entry', z.array(z.int()).min(1), []],
    ['must have at most 2 entries', z.array(z.int()).max(2), [1, 2, 3]],
    ['must be at least 1', z.int().min(1), 0],
    ['must be more than 0', z.number().positive(), 0],
    ['must be at most 3', z.bigint().max(3n), 4n],
    ['must be less than 3', z.number().lt(3), 3],
    ['must be a multiple of 5', z.number().multipleOf(5), 4],
    ['must be card or cash', z.enum(['card', 'cash']), 'gold'],
    ['must be an email address', z.email(), 'x'],
    ['must be a URL', z.url(), 'x'],
    ['must start with ser.', z.string().startsWith('ser.'), 'x'],
    ['has an invalid format', z.string().regex(/^a$/), 'x'],
    ['matches none of the allowed formats', z.union([z.string(), z.int()]), true],
    ['must be a colour', z.string().regex(/^#/, 'must be a colour'), 'x'],
  ])('has the message: %s', (message, schema, value) => {
    expect(messageOf(schema, value)).toBe(message);
  });

  it('never repeats the value', () => {
    const schema = z.object({ a: z.enum(['x']), b: z.email(), c: z.int(), d: z.string().max(2) });
    const values = { a: 'canary', b: 'canary', c: 'canary', d: 'canary' };
    expect(JSON.stringify(parseWith(schema, values))).not.toContain('canary');
  });
});

describe('describeErrors', () => {
  const errors = [
    { field: 'name', message: 'is missing' },
    { field: '', message: 'is too long' },
    { field: 'n', message: 'must be 1' },
  ];

  it('lists errors in one line, up to a maximum', () => {
    expect(describeErrors(errors, 'the request')).toBe(
      'name is missing; the request is too long; n must be 1',
    );
    expect(describeErrors(errors, 'the request', 1)).toBe('name is missing; and 2 more');
  });
});
