import { expect, it } from '@jest/globals';
import { Quantity } from './quantity';

it('is 1 to 1000 whole pieces', () => {
  expect([1, 1000].every((count) => Quantity.safeParse(count).success)).toBe(true);
  expect([0, -1, 1001, 1.5, Number.NaN].some((count) => Quantity.safeParse(count).success)).toBe(
    false,
  );
});
