import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Code, MicroserviceError } from '#kit/core/errors';
import { EdgeError } from './errors';
import { JSON_LIMITS, parseJson } from './json';

function refusalOf(text: string): EdgeError | MicroserviceError {
  try {
    parseJson(text);
  } catch (error) {
    if (error instanceof EdgeError || error instanceof MicroserviceError) return error;
    throw error;
  }
  throw new Error(`${text.slice(0, 100)} is accepted`);
}

describe('a JSON text', () => {
  it('has the value that JSON.parse reads', () => {
    const value = fc.jsonValue({ maxDepth: 6 });
    fc.assert(
      fc.property(value, fc.constantFrom(0, 2, '\t'), (each, space) => {
        const text = JSON.stringify(each, undefined, space);
        expect(parseJson(text)).toEqual(JSON.parse(text));
      }),
      { numRuns: 2_000, seed: 7 },
    );
  });

  it('that is not valid is refused, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...Array.from('{}[]:,"\\ 0e-.1tn')) }),
        (text) => {
          let isValid = true;
          try {
            JSON.parse(text);
          } catch {
            isValid = false;
          }
          fc.pre(!isValid);
          expect(() => parseJson(text)).toThrow();
        },
      ),
      { numRuns: 5_000, seed: 7 },
    );
  });

  it.each([
    ['an object', '{"a":1,"a":2}', 'a'],
    ['an object, spelled differently', '{"a":1,"\\u0061":1}', 'a'],
    ['an inner object', '{"items":[{"b":1},{"c":{"d":1, "e":[], "d":1}}]}', 'items.1.c.d'],
    ['an object, as __proto__', '{"__proto__":1,"__proto__":1}', '__proto__'],
    ['an object, with an empty name', '{"":1,"":1}', ''],
  ])('with a key twice in %s is refused', (_, text, field) => {
    expect(refusalOf(text)).toMatchObject({
      status: 400,
      details: { fields: [{ field, message: 'appears twice' }] },
    });
  });

  it('may have the same key in different objects, and as a value', () => {
    expect(parseJson('[{"a":"a"},{"a":{"a":["a","a"]}}]')).toHaveLength(2);
  });

  it.each([
    '9007199254740993',
    '-9007199254740993',
    '12345678901234567890',
    '0.1234567890123456789',
    '1e400',
    '-1e400',
    '1e-400',
    '1.00000000000000000001',
    '9007199254740993.0',
    '90071992547409930e-1',
    `1${'0'.repeat(400)}`,
  ])(
    'with the number %s, which would be rounded, is refused by the name of its field',
    (number) => {
      const field = 'arguments.at.1';
      expect(refusalOf(`{"arguments":{"at":[0,${number}]}}`)).toMatchObject({
        code: Code.INVALID_ARGUMENT,
        details: { fields: [{ field, message: expect.stringMatching(/rounded/) }] },
      });
    },
  );

  it.each([
    '9007199254740991',
    '9007199254740992',
    '0.1',
    '19.99',
    '1e21',
    '1E-7',
    '-0',
    '0.0',
    '100e2',
    '1.50',
    '5e-324',
    '1.7976931348623157e308',
    '123456789012345680000',
  ])('with the number %s is accepted', (number) => {
    expect(parseJson(`[${number}]`)).toEqual([Number(number)]);
  });

  it('is accepted with any number that JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
        expect(parseJson(JSON.stringify(number))).toBe(JSON.parse(JSON.stringify(number)));
      }),
      { numRuns: 2_000, seed: 7 },
    );
  });

  it.each([
    ['levels', (n: number) => '['.repeat(n) + ']'.repeat(n), JSON_LIMITS.depth],
    ['values', (n: number) => `[${'0,'.repeat(n - 2)}0]`, JSON_LIMITS.values],
    ['values', (n: number) => `[${'"",'.repeat(n - 2)}{}]`, JSON_LIMITS.values],
    [
      'keys',
      (n: number) => `{${Array.from({ length: n }, (_, at) => `"${at}":0`).join()}}`,
      JSON_LIMITS.keys,
    ],
    ['characters', (n: number) => `{"${'k'.repeat(n)}":0}`, JSON_LIMITS.keyLength],
  ])('has a limited number of %s', (what, textOf, limit) => {
    parseJson(textOf(limit));
    const error = refusalOf(textOf(limit + 1));
    expect(error).toMatchObject({ status: 400 });
    expect(error.message).toContain(`${limit} ${what}`);
  });

  it('that is deep is refused without being parsed', () => {
    expect(refusalOf('['.repeat(1_000_000))).toMatchObject({ status: 400 });
    expect(refusalOf('{"a":'.repeat(100_000))).toMatchObject({ status: 400 });
  });
});
