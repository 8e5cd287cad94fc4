import { expect, it } from '@jest/globals';
import { fromTimestamp, isAfter, toTimestamp } from './timestamps';

it('a time survives the way to protobuf and back, to the millisecond', () => {
  const at = '2026-01-01T10:00:00.500Z';
  expect(toTimestamp(at)).toMatchObject({ seconds: 1767261600n, nanos: 500_000_000 });
  expect(fromTimestamp(toTimestamp(at))).toBe(at);
});

it('a time with an offset becomes the same instant in UTC', () => {
  expect(fromTimestamp(toTimestamp('2026-01-01T10:00:00+02:00'))).toBe('2026-01-01T08:00:00.000Z');
});

it.each([
  ['2026-01-01T10:00:00.300Z', '2026-01-01T10:00:00Z'],
  ['2026-01-01T10:00:00.001+00:00', '2026-01-01T10:00:00.000Z'],
  ['2026-01-01T10:00:00Z', '2026-01-01T11:59:59+02:00'],
])('%s is after %s', (one, other) => {
  expect(isAfter(one, other)).toBe(true);
  expect(isAfter(other, one)).toBe(false);
  expect(isAfter(one, one)).toBe(false);
});
