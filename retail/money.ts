import { z } from 'zod';
import { Code, MicroserviceError, invalid } from '#kit/core/errors';

/** ISO 4217 minor units; a currency that is not listed has two decimals. */
const NO_DECIMALS = /^(BIF|CLP|DJF|GNF|ISK|JPY|KMF|KRW|PYG|RWF|UGX|UYI|VND|VUV|XAF|XOF|XPF)$/;
const THREE_DECIMALS = /^(BHD|IQD|JOD|KWD|LYD|OMR|TND)$/;

/** What the wire takes, before the decimals of the currency are looked at. */
const AMOUNT = /^\d{1,12}(\.\d{1,3})?$/;
const MAX_WHOLE = 10n ** 12n;

/** An amount as a decimal string and its currency: `{ amount: "19.99", currency: "EUR" }`. */
export const Money = z
  .object({
    amount: z.string().regex(AMOUNT, 'must be a decimal such as 19.99'),
    currency: z.string().regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code such as EUR'),
  })
  .refine(({ amount, currency }) => (amount.split('.')[1] ?? '').length <= decimals(currency), {
    path: ['amount'],
    message: 'has more decimals than its currency',
  });
export type Money = z.infer<typeof Money>;

function decimals(currency: string): number {
  if (NO_DECIMALS.test(currency)) return 0;
  return THREE_DECIMALS.test(currency) ? 3 : 2;
}

/** Whole minor units (cents for EUR); throws INVALID_ARGUMENT for what is no Money. */
export function minor({ amount, currency }: Money): bigint {
  const digits = decimals(currency);
  const [whole = '', fraction = ''] = amount.split('.');
  if (!AMOUNT.test(amount) || fraction.length > digits) {
    throw invalid('amount', `must be a decimal of ${currency}`);
  }
  return BigInt(whole + fraction.padEnd(digits, '0'));
}

/** Money of so many minor units; throws INVALID_ARGUMENT below zero, and from a million millions on. */
export function ofMinor(units: bigint, currency: string): Money {
  const digits = decimals(currency);
  if (units < 0n) throw invalid('amount', 'must not be negative');
  if (units >= MAX_WHOLE * 10n ** BigInt(digits)) throw invalid('amount', 'is too large');
  const text = units.toString().padStart(digits + 1, '0');
  const amount = digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`;
  return { amount, currency };
}

export function add(left: Money, right: Money): Money {
  return ofMinor(minor(left) + minor(same(left, right)), left.currency);
}

/** Throws INVALID_ARGUMENT where the result would be below zero. */
export function subtract(left: Money, right: Money): Money {
  return ofMinor(minor(left) - minor(same(left, right)), left.currency);
}

/** The price of so many; throws INVALID_ARGUMENT where that is no whole number. */
export function times(price: Money, quantity: number): Money {
  if (!Number.isSafeInteger(quantity)) throw invalid('quantity', 'must be a whole number');
  return ofMinor(minor(price) * BigInt(quantity), price.currency);
}

/** Negative, zero or positive, as for Array.sort. */
export function compare(left: Money, right: Money): number {
  const difference = minor(left) - minor(same(left, right));
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

function same(left: Money, right: Money): Money {
  if (left.currency !== right.currency) {
    throw new MicroserviceError(
      `${left.currency} and ${right.currency} cannot be reckoned together`,
      Code.INVALID_ARGUMENT,
    );
  }
  return right;
}
