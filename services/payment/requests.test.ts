import { expect, test } from '@jest/globals';
import { ChargeRequest } from './requests';

const isAccepted = (token: string) => ChargeRequest.shape.token.safeParse(token).success;

test.each(['4222222222222', '4111111111111111', '4111-1111 1111-1111', '6304000000000000000'])(
  'a card number is not accepted as a payment token: %s',
  (text) => {
    expect(isAccepted(text)).toBe(false);
  },
);

test.each([
  ['a wrong check digit', '4111111111111112'],
  ['12 digits', '411111111118'],
  ['20 digits', '41111111111111111110'],
  ['nothing', ''],
  ['no digits', ' - '],
])('a token without letters is not accepted: %s', (_, text) => {
  expect(isAccepted(text)).toBe(false);
});

test('a token with letters is accepted, whatever its digits', () => {
  expect(isAccepted('tok_4111111111111111')).toBe(true);
});
