import { z } from 'zod';
import { LedgerEntry } from '../../services/payment/simulator/ledger';
import { type CaptureBook, captureOf } from '../invariants/captures';

const Entry = LedgerEntry.extend({ key: z.string() });
const Ledger = z.object({ captures: z.array(Entry) });

/** The captures in the ledger of the payment provider simulator at this URL. */
export async function providerCaptures(url: string): Promise<CaptureBook[]> {
  return (await providerEntries(url)).map((entry) => captureOf(entry.key, entry));
}

/** All entries of that ledger: authorisations, declined and voided ones too. */
export async function providerEntries(url: string): Promise<z.infer<typeof Entry>[]> {
  const response = await fetch(`${url}/ledger`, { signal: AbortSignal.timeout(30_000) });
  return Ledger.parse(await response.json()).captures;
}
