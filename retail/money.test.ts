import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Code, MicroserviceError } from '#kit/core/errors';
import {
  Money,
  PositiveMoney,
  Price,
  add,
  compare,
  minor,
  ofMinor,
  subtract,
  times,
} from './money';

const eur = (amount: string): Money => ({ amount, currency: 'EUR' });
const currencies = fc.constantFrom('EUR', 'JPY', 'KWD');
const units = fc.bigInt({ min: 0n, max: 10n ** 12n / 2n - 1n });

function codeOf(task: () => unknown): Code | undefined {
  try {
    task();
  } catch (error) {
    return error instanceof MicroserviceError ? error.code : undefined;
  }
  return Code.OK;
}

describe('money on the wire', () => {
  it.each(['0', '19.99', '19.9', '007', '999999999999.99'])('accepts %s EUR', (amount) => {
    expect(Money.safeParse(eur(amount)).success).toBe(true);
  });

  it.each(['', '-1', '1,5', '1e3', '.5', '5.', ' 1', '1.234', '1000000000000', 'NaN'])(
    'rejects "%s" EUR',
    (amount) => {
      expect(Money.safeParse(eur(amount)).success).toBe(false);
    },
  );

  it('accepts at most the decimals of the currency', () => {
    expect(Money.safeParse({ amount: '100', currency: 'JPY' }).success).toBe(true);
    expect(Money.safeParse({ amount: '100.5', currency: 'JPY' }).success).toBe(false);
    expect(Money.safeParse({ amount: '1.234', currency: 'KWD' }).success).toBe(true);
  });

  it('accepts only a currency of three capital letters', () => {
    expect(Money.safeParse({ amount: '1', currency: 'eur' }).success).toBe(false);
    expect(Money.safeParse({ amount: '1', currency: 'EURO' }).success).toBe(false);
  });
});

describe('a price', () => {
  it.each(['XXX', 'HRK', 'eur', 'EURO'])('names the currency only if it is %s', (currency) => {
    const issues = Price.safeParse({ amount: '19.99', currency }).error?.issues;
    expect(issues?.map(({ path }) => path)).toEqual([['currency']]);
  });

  it('has the decimals of its currency', () => {
    expect(Price.parse(eur('5'))).toEqual(eur('5.00'));
    expect(Price.parse({ amount: '5', currency: 'KWD' })).toEqual({
      amount: '5.000',
      currency: 'KWD',
    });
  });

  it('is more than 0', () => {
    expect(Price.safeParse(eur('0.00')).success).toBe(false);
  });

  it.each(['ZZZ', 'XXX', 'XTS', 'XAU', 'HRK', 'CHE'])('is not in %s', (currency) => {
    expect(Price.safeParse({ amount: '5', currency }).success).toBe(false);
  });

  it('stays readable as money, and can be refunded, after its currency was withdrawn', () => {
    const price = { amount: '5.00', currency: 'HRK' };
    expect(Money.parse(price)).toEqual(price);
    expect(PositiveMoney.parse(price)).toEqual(price);
  });
});

describe('money arithmetic', () => {
  it('formats minor units with the decimals of the currency', () => {
    expect(ofMinor(5n, 'EUR')).toEqual({ amount: '0.05', currency: 'EUR' });
    expect(ofMinor(5n, 'JPY')).toEqual({ amount: '5', currency: 'JPY' });
    expect(ofMinor(5n, 'KWD')).toEqual({ amount: '0.005', currency: 'KWD' });
  });

  it('converts between minor units and valid Money without loss', () => {
    fc.assert(
      fc.property(units, currencies, (count, currency) => {
        const money = ofMinor(count, currency);
        expect(Money.parse(money)).toEqual(money);
        expect(minor(money)).toBe(count);
      }),
    );
  });

  it('subtracts what it added', () => {
    fc.assert(
      fc.property(units, units, currencies, (one, two, currency) => {
        const left = ofMinor(one, currency);
        const right = ofMinor(two, currency);
        expect(subtract(add(left, right), right)).toEqual(left);
        expect(add(left, right)).toEqual(add(right, left));
      }),
    );
  });

  it('multiplies like repeated addition', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 10n ** 9n }),
        fc.nat({ max: 20 }),
        (count, quantity) => {
          const price = ofMinor(count, 'EUR');
          const sum = Array.from({ length: quantity }, () => price).reduce(add, eur('0'));
          expect(compare(times(price, quantity), sum)).toBe(0);
        },
      ),
    );
  });

  it('compares amounts and not their notation', () => {
    expect(compare(eur('19.9'), eur('19.90'))).toBe(0);
    expect(compare(eur('9'), eur('10'))).toBeLessThan(0);
    expect(compare(eur('10'), eur('9.99'))).toBeGreaterThan(0);
  });
});

describe('INVALID_ARGUMENT is thrown for', () => {
  it.each([
    ['two currencies', () => add(eur('1'), { amount: '1', currency: 'USD' })],
    ['a result below zero', () => subtract(eur('1'), eur('1.01'))],
    ['a negative quantity', () => times(eur('1'), -1)],
    ['a fractional quantity', () => times(eur('1'), 1.5)],
    ['a quantity that is not a number', () => times(eur('1'), Number.NaN)],
    ['an amount that is too large for Money', () => times(eur('999999999999'), 2)],
    ['more decimals than the currency has', () => minor(eur('1.234'))],
    ['an amount that is not a number', () => minor(eur('much'))],
  ])('%s', (_, task) => {
    expect(codeOf(task)).toBe(Code.INVALID_ARGUMENT);
  });
});
