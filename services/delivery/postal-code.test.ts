import { expect, it } from '@jest/globals';
import { isPostalCode } from './postal-code';

it.each([
  ['DE', '10115'],
  ['AT', '1010'],
  ['LV', 'LV-1010'],
  ['SE', '111 22'],
  ['PL', '00-001'],
  ['PT', '1000-205'],
  ['NL', '1012 ab'],
  ['MT', 'MTP 1001'],
  ['IE', 'D02 AF30'],
  ['GB', 'SW1A 1AA'],
  ['US', '94103-1234'],
  ['JP', '100-0001'],
])('%s has a postal code such as %s', (country, code) => {
  expect(isPostalCode(country, code)).toBe(true);
});

it.each([
  ['DE', '1011'],
  ['DE', '00000'],
  ['DE', 'ABCDE'],
  ['AT', '10115'],
  ['NL', '1012'],
  ['GB', '12345'],
  ['JP', '0000000'],
  ['JP', '-'],
])('%s has no postal code such as %s', (country, code) => {
  expect(isPostalCode(country, code)).toBe(false);
});
