// Prices are compared as whole numbers of thousandths of a currency's unit: no currency has more decimals.

/** A decimal such as 19.99 in thousandths. */
export function thousandths(amount: string): number {
  const [whole = '', fraction = ''] = amount.split('.');
  // at most 12 and 3 digits, which a number holds
  return Number(whole + fraction.padEnd(3, '0'));
}

/** The bounds of the prices that are counted together, in units of a currency. */
export const PRICE_BOUNDS = [
  ...[0, 10, 25, 50, 100, 250, 500],
  ...[1_000, 2_500, 5_000, 10_000, 50_000, 100_000, 1_000_000],
] as const;
