import { expect, test } from '@jest/globals';
import { looksLikeCardNumber } from './card-number';

test.each(['4222222222222', '4111111111111111', '4111-1111 1111-1111', '6304000000000000000'])(
  'is one: %s',
  (text) => {
    expect(looksLikeCardNumber(text)).toBe(true);
  },
);

test.each([
  ['a wrong check digit', '4111111111111112'],
  ['12 digits', '411111111118'],
  ['20 digits', '41111111111111111110'],
  ['letters', 'tok_4111111111111111'],
  ['nothing', ''],
  ['no digits', ' - '],
])('is none for %s', (_, text) => {
  expect(looksLikeCardNumber(text)).toBe(false);
});
