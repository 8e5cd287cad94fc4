import fc, { type Arbitrary } from 'fast-check';

/** Names that mean something to JavaScript, to the formats here, or to a store. */
const NAMES = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'length',
  '',
  '0',
  'a.b',
  'a||b',
  '$type',
];
const NUMBERS = [
  0,
  -0,
  1e308,
  -1e308,
  5e-324,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 53 - 1,
  2 ** 53 + 2,
  -(2 ** 31) - 1,
  0.1,
];
const TEXTS = [
  '',
  ' ',
  '\u0000',
  '\ud800',
  '\udfff\ud83d',
  '\ufeff',
  '\ufffd',
  '\u202e',
  '\r\n',
  '||',
  '../..',
  '%00',
  '2026-01-01T00:00:00Z',
  '2026-01-01T00:00:00+00:00',
  '+275760-09-13T00:00:00Z',
  '0000-01-01T00:00:00Z',
  '2026-02-30T00:00:00Z',
  'x'.repeat(300),
];

/** A name of a field: often one that an attack would use. */
export const anyName: Arbitrary<string> = fc.oneof(
  fc.constantFrom(...NAMES),
  fc.string({ maxLength: 12 }),
);
export const anyText: Arbitrary<string> = fc.oneof(
  fc.constantFrom(...TEXTS),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ maxLength: 40 }),
);
export const anyNumber: Arbitrary<number> = fc.oneof(
  fc.constantFrom(...NUMBERS),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

/** Any value that JSON can express, as `JSON.parse` returns it, with own properties of any name. */
export const anyJson: Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.constant(null),
    fc.boolean(),
    anyNumber,
    anyText,
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .array(fc.tuple(anyName, tie('value')), { maxLength: 4 })
      // defined and not assigned: an assignment to __proto__ sets the prototype
      .map((entries) => Object.fromEntries(entries)),
  ),
})).value;

export type Path = readonly (string | number)[];

/** The paths of all values in a JSON value, the value itself first. */
export function pathsIn(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const inner = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return [path, ...inner.flatMap(([key, each]) => pathsIn(each, [...path, key]))];
}

/** A copy of the value with another value at the path; undefined removes it. */
export function replacedAt(value: unknown, [first, ...rest]: Path, by: unknown): unknown {
  if (first === undefined) return by;
  if (Array.isArray(value)) {
    return value.flatMap((each: unknown, index) =>
      index !== first ? [each] : replacedEntries(each, rest, by),
    );
  }
  const entries = Object.entries(value as object).flatMap(([key, each]) =>
    key !== String(first)
      ? [[key, each] as const]
      : replacedEntries(each, rest, by).map((next) => [key, next] as const),
  );
  return Object.fromEntries(entries);
}

function replacedEntries(value: unknown, rest: Path, by: unknown): unknown[] {
  const next = replacedAt(value, rest, by);
  return next === undefined ? [] : [next];
}
