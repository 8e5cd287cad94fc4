import { type Money, minor } from '#retail/money';
import type { LedgerEntry } from '../../services/payment/simulator/ledger';

/** One capture in the payment provider's own ledger. Money in minor units. */
export interface CaptureBook {
  readonly key: string;
  readonly captured: number;
  readonly refunds: readonly { readonly key: string; readonly amount: number }[];
}

/** An amount in minor units. */
export const cents = (money: Money) => Number(minor(money));

/** What the provider took and gave back for an entry of its ledger. */
export function captureOf(key: string, entry: LedgerEntry): CaptureBook {
  const { state, amount, released } = entry;
  const refunds = entry.refunds.map((refund) => ({
    key: refund.key,
    amount: cents(refund.amount),
  }));
  // a void gives back what the refunds before it left
  if (released !== undefined) refunds.push({ key: VOID, amount: cents(released) });
  // an entry that was voided before its capture has nothing to give back
  const wasCaptured = state === 'captured' || (state === 'voided' && refunds.length > 0);
  return { key, captured: wasCaptured && amount !== undefined ? cents(amount) : 0, refunds };
}

/** The key of what a void gave back. */
export const VOID = 'void';

/** What the provider took and did not give back. */
export function kept(captures: readonly CaptureBook[]): number {
  return captures.reduce(
    (total, { captured, refunds }) =>
      refunds.reduce((left, { amount }) => left - amount, total + captured),
    0,
  );
}

/** What is wrong with the captures of one purchase, of which the provider must have kept `due`. */
export function captureFaults(captures: readonly CaptureBook[], due: number): string[] {
  const taken = captures.filter(({ captured }) => captured > 0);
  if (taken.length > 1) {
    return [`was captured ${taken.length} times: ${taken.map(({ key }) => key).join(', ')}`];
  }
  const is = kept(captures);
  return is === due ? [] : [`${is} is kept by the provider, and ${due} is due`];
}
