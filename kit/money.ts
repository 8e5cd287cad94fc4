import { z } from 'zod';
import { MicroserviceError, Code } from '#kit/errors';

/** ISO 4217 minor units; a currency that is not listed has two decimals. */
const DECIMALS: Readonly<Record<string, number>> = { JPY: 0, KRW: 0, BHD: 3, KWD: 3, TND: 3 };

/** An amount as a decimal string and its currency: `{ amount: "19.99", currency: "EUR" }`. */
export const Money = z
  .object({
    amount: z.string().regex(/^\d{1,12}(\.\d{1,3})?$/, 'must be a decimal such as 19.99'),
    currency: z.string().regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code such as EUR'),
  })
  .refine(({ amount, currency }) => (amount.split('.')[1] ?? '').length <= decimals(currency), {
    path: ['amount'],
    message: 'has more decimals than its currency',
  });
export type Money = z.infer<typeof Money>;

function decimals(currency: string): number {
  return DECIMALS[currency] ?? 2;
}

/** Whole minor units (cents for EUR). */
export function minor({ amount, currency }: Money): bigint {
  const [whole = '0', fraction = ''] = amount.split('.');
  return BigInt(whole + fraction.padEnd(decimals(currency), '0'));
}

/** Money of so many minor units; throws INVALID_ARGUMENT below zero. */
export function ofMinor(units: bigint, currency: string): Money {
  if (units < 0n) throw new MicroserviceError('an amount cannot be negative', Code.INVALID_ARGUMENT);
  const digits = decimals(currency);
  const text = units.toString().padStart(digits + 1, '0');
  const amount =
    digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`;
  return { amount, currency };
}

export function add(left: Money, right: Money): Money {
  return ofMinor(minor(left) + minor(same(left, right)), left.currency);
}

/** Throws INVALID_ARGUMENT where the result would be below zero. */
export function subtract(left: Money, right: Money): Money {
  return ofMinor(minor(left) - minor(same(left, right)), left.currency);
}

export function times(price: Money, quantity: number): Money {
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
