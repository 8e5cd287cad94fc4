import { expect, it } from '@jest/globals';
import { Country } from './country';

it.each(['DE', 'LU', 'AQ', 'GB'])('"%s" is a country', (country) => {
  expect(Country.parse(country)).toBe(country);
});

it.each(['ZZ', 'de', ' DE', 'XX', 'AA', 'EU', 'UK', 'SU', 'DEU', '276', '', 'D', 'D€'])(
  '"%s" is not a country',
  (text) => {
    expect(Country.safeParse(text).success).toBe(false);
  },
);
