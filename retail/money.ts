import { z } from 'zod';
import { Code, MicroserviceError, invalid } from '#kit/core/errors';
import { decimalsOf, isLegalTender } from './currency';

/** The format on the wire. The decimals of the currency are checked separately. */
const AMOUNT = /^\d{1,12}(\.\d{1,3})?$/;
const MAX_WHOLE = 10n ** 12n;

type Amount = z.ZodType<{ amount: string; currency: string }>;

const WireMoney = z.object({
  amount: z.string().regex(AMOUNT, 'must be a decimal such as 19.99'),
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/, { message: 'must be an ISO 4217 code such as EUR', abort: true }),
});

const withItsDecimals = (money: Amount) =>
  money.refine(
    ({ amount, currency }) => (amount.split('.')[1] ?? '').length <= decimalsOf(currency),
    {
      path: ['amount'],
      message: 'has more decimals than its currency',
    },
  );

/** More than 0, with the decimals of its currency: 5 and 5.00 EUR are the same text. */
const positive = (money: Amount) =>
  money
    .transform(({ amount, currency }) => ofMinor(minor({ amount, currency }), currency))
    .refine(({ amount }) => /[1-9]/.test(amount), {
      path: ['amount'],
      message: 'must be more than 0',
    });

/**
 * An amount as a decimal string and its currency: `{ amount: "19.99", currency: "EUR" }`. For events and
 * documents: they stay readable when their currency is withdrawn. Requests have a Price.
 */
export const Money = withItsDecimals(WireMoney);
export type Money = z.infer<typeof Money>;

export const PositiveMoney = positive(Money);

/** A price in a request: of a product, an offer or a slot. Its currency is legal tender now. */
export const Price = positive(
  withItsDecimals(
    // first: the decimals of a currency that is not in use mean nothing to the client
    WireMoney.refine(({ currency }) => isLegalTender(currency, Date.now()), {
      path: ['currency'],
      message: 'must be a currency in use, by its ISO 4217 code such as EUR',
      abort: true,
    }),
  ),
);

/**
 * The amount in whole minor units (cents for EUR). Throws INVALID_ARGUMENT for a malformed amount.
 */
export function minor({ amount, currency }: Money): bigint {
  const digits = decimalsOf(currency);
  const [whole = '', fraction = ''] = amount.split('.');
  if (!AMOUNT.test(amount) || fraction.length > digits) {
    throw invalid('amount', `must be a decimal of ${currency}`);
  }
  return BigInt(whole + fraction.padEnd(digits, '0'));
}

/**
 * The money of a number of minor units. Throws INVALID_ARGUMENT below zero, and from 10^12 units of the
 * currency on, which the format on the wire cannot hold.
 */
export function ofMinor(units: bigint, currency: string): Money {
  const digits = decimalsOf(currency);
  if (units < 0n) throw invalid('amount', 'must not be negative');
  if (units >= MAX_WHOLE * 10n ** BigInt(digits)) throw invalid('amount', 'is too large');
  const text = units.toString().padStart(digits + 1, '0');
  const amount = digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`;
  return { amount, currency };
}

/** Throws INVALID_ARGUMENT for two currencies, or a sum that is too large. */
export function add(left: Money, right: Money): Money {
  return ofMinor(minor(left) + minor(sameCurrency(left, right)), left.currency);
}

/** Throws INVALID_ARGUMENT for two currencies, or a result below zero. */
export function subtract(left: Money, right: Money): Money {
  return ofMinor(minor(left) - minor(sameCurrency(left, right)), left.currency);
}

/** The price of a quantity. Throws INVALID_ARGUMENT unless the quantity is a whole number from 0. */
export function times(price: Money, quantity: number): Money {
  if (!Number.isSafeInteger(quantity)) throw invalid('quantity', 'must be a whole number');
  return ofMinor(minor(price) * BigInt(quantity), price.currency);
}

/** Negative, zero or positive, as Array.sort expects. Throws INVALID_ARGUMENT for two currencies. */
export function compare(left: Money, right: Money): number {
  const difference = minor(left) - minor(sameCurrency(left, right));
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

function sameCurrency(left: Money, right: Money): Money {
  if (left.currency !== right.currency) {
    throw new MicroserviceError(
      `amounts in ${left.currency} and ${right.currency} cannot be combined`,
      Code.INVALID_ARGUMENT,
    );
  }
  return right;
}
