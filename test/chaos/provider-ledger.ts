import { z } from 'zod';
import { type Money, minor } from '#retail/money';
import { LedgerEntry } from '../../services/payment/simulator/ledger';
import type { CaptureBook } from './books';

const Entry = LedgerEntry.extend({ key: z.string() });
const Ledger = z.object({ captures: z.array(Entry) });

/** What the provider at this URL has in its own books. */
export async function providerLedger(url: string): Promise<CaptureBook[]> {
  return (await providerEntries(url)).map(captureOf);
}

/** The same as the provider has it: also what was only kept ready, declined or given up. */
export async function providerEntries(url: string): Promise<z.infer<typeof Entry>[]> {
  const response = await fetch(`${url}/ledger`, { signal: AbortSignal.timeout(30_000) });
  return Ledger.parse(await response.json()).captures;
}

/** What was taken and given back of an entry, in minor units. */
export function captureOf(entry: z.infer<typeof Entry>): CaptureBook {
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
