import { describe, expect, it } from '@jest/globals';
import { decimalsOf, isLegalTender } from './currency';

const NOW = Date.parse('2026-06-01T00:00:00Z');

describe('a currency', () => {
  it.each(['EUR', 'USD', 'GBP', 'CHF', 'SEK', 'PLN', 'JPY', 'KWD', 'XAF', 'XPF', 'XCG', 'SLE'])(
    '%s is legal tender',
    (currency) => {
      expect(isLegalTender(currency, NOW)).toBe(true);
    },
  );

  it.each([
    ['unassigned', ['ZZZ', 'AAA', 'XYZ']],
    ['without a currency, or for tests', ['XXX', 'XTS']],
    ['a metal', ['XAU', 'XAG', 'XPT', 'XPD']],
    ['a fund or a unit of account', ['XDR', 'XSU', 'XUA', 'CHE', 'CHW', 'BOV', 'CLF', 'COU']],
    ['a fund or a unit of account', ['MXV', 'USN', 'UYI', 'UYW', 'XBA', 'XBB', 'XBC', 'XBD']],
    ['withdrawn', ['HRK', 'DEM', 'FRF', 'BGN', 'ANG', 'SLL', 'LTL', 'VEF', 'ZWL', 'CUC']],
  ])('that is %s is not legal tender: %j', (_, currencies) => {
    expect(currencies.filter((currency) => isLegalTender(currency, NOW))).toEqual([]);
  });

  it('was legal tender until the day it was withdrawn', () => {
    expect(isLegalTender('HRK', Date.parse('2022-12-31T00:00:00Z'))).toBe(true);
  });

  it.each([
    ['EUR', 2],
    ['JPY', 0],
    ['ISK', 0],
    ['HUF', 2],
    ['KWD', 3],
    ['IQD', 3],
    ['MGA', 2],
    ['XCG', 2],
  ])('%s has %i decimals', (currency, decimals) => {
    expect(decimalsOf(currency)).toBe(decimals);
  });
});
