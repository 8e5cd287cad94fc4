import { z } from 'zod';
import { type Money, minor } from '#kit/money';
import { LedgerEntry } from '../../services/payment/simulator/ledger';
import type { CaptureBook } from './books';

const Ledger = z.object({ captures: z.array(LedgerEntry.extend({ key: z.string() })) });

/** What the provider at this URL has in its own books. */
export async function providerLedger(url: string): Promise<CaptureBook[]> {
  const response = await fetch(`${url}/ledger`, { signal: AbortSignal.timeout(30_000) });
  return Ledger.parse(await response.json()).captures.map(captureOf);
}

function captureOf(entry: z.infer<typeof Ledger>['captures'][number]): CaptureBook {
  const { key, state, amount, released } = entry;
  const refunds = entry.refunds.map((refund) => ({
    key: refund.key,
    amount: cents(refund.amount),
  }));
  // what was left when it was voided was given back, too
  if (released !== undefined) refunds.push({ key: 'void', amount: cents(released) });
  const wasCaptured = state === 'captured' || (state === 'voided' && refunds.length > 0);
  return { key, captured: wasCaptured && amount !== undefined ? cents(amount) : 0, refunds };
}

const cents = (money: Money) => Number(minor(money));
