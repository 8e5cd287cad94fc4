import cldr from 'cldr-core/supplemental/currencyData.json';
import currencyCodes from 'currency-codes';
import { z } from 'zod';

// Two kept data sets, since neither has both: the Unicode CLDR has from when to when a currency is legal
// tender, and currency-codes has the minor units of ISO 4217, from which those of the CLDR differ.

/** A period in which a currency was used in a region; `_tender: 'false'` for a unit of account. */
const Period = z.object({
  _from: z.iso.date().optional(),
  _to: z.iso.date().optional(),
  _tender: z.string().optional(),
});
const Regions = z.record(z.string(), z.array(z.record(z.string(), Period)));

interface Tender {
  readonly from: string;
  /** Absent while it is legal tender. */
  readonly to: string | undefined;
}

const TENDERS: ReadonlyMap<string, readonly Tender[]> = readTenders();

/**
 * Whether a currency is legal tender somewhere at a time, in milliseconds since the epoch. Withdrawn
 * currencies, funds, metals and test codes are not, nor is a code that ISO 4217 does not assign.
 */
export function isLegalTender(currency: string, at: number): boolean {
  const day = new Date(at).toISOString().slice(0, 10);
  const tenders = TENDERS.get(currency) ?? [];
  return tenders.some(({ from, to }) => from <= day && (to === undefined || day <= to));
}

/** The decimals of an amount (ISO 4217 minor units); 2 for a currency that is not listed. */
export function decimalsOf(currency: string): number {
  return DECIMALS.get(currency) ?? 2;
}

const DECIMALS: ReadonlyMap<string, number> = new Map(
  currencyCodes.data.map(({ code, digits }) => [code, digits]),
);

function readTenders(): Map<string, Tender[]> {
  const tenders = new Map<string, Tender[]>();
  const regions = Regions.parse(cldr.supplemental.currencyData.region);
  for (const currencies of Object.values(regions).flat()) {
    for (const [currency, { _from: from, _to: to, _tender }] of Object.entries(currencies)) {
      if (_tender === 'false' || from === undefined) continue;
      tenders.set(currency, [...(tenders.get(currency) ?? []), { from, to }]);
    }
  }
  return tenders;
}
