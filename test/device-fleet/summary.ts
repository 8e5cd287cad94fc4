import { kept } from '../invariants/captures';
import type { Books } from './books';
import type { Fleet } from './setup';
import type { Monitor } from './monitor';

/** The run in numbers, as lines of text. */
export function summaryOf(
  { environment: { ledger }, devices }: Fleet,
  { acknowledged, perSecond, lags }: Pick<Monitor, 'acknowledged' | 'perSecond' | 'lags'>,
  faults: readonly string[],
): string[] {
  const sorted = lags.toSorted((one, other) => one - other);
  const at = (part: number) => sorted[Math.floor(part * (sorted.length - 1))] ?? 0;
  const misdeeds = ledger.misdeeds.reduce((sum, { times }) => sum + times, 0);
  const outcomes = [...ledger.dispenses.values()].map(({ outcome }) => outcome);
  const count = (wanted: string) => outcomes.filter((outcome) => outcome === wanted).length;
  return [
    `${devices.length} devices, ${acknowledged} messages acknowledged by the broker, ${perSecond.toFixed(0)} per second`,
    `lag: median ${at(0.5)} ms, 95th percentile ${at(0.95)} ms, longest ${at(1)} ms`,
    `${ledger.cash.length} cash sales at machines, ${ledger.purchases.length} cashless vends`,
    `commands: ${count('acknowledged')} done, ${count('failed')} failed, ${count('silent')} unanswered`,
    `${misdeeds} invalid messages, ${ledger.drifted} pieces gone without a report`,
    `${devices.filter(({ plan }) => plan.hasBadClock).length} bad clocks, set ${ledger.clocksSet} times while their devices ran`,
    ...(faults.length === 0 ? [] : [`faults: ${faults.join(', ')}`]),
  ];
}

/** The outcomes of the cashless vends, and their money. */
export function moneyLine({ purchases, vends }: Books): string {
  const known = vends.filter(({ channel }) => channel === 'cashless');
  const count = (wanted: string) => known.filter(({ status }) => status === wanted).length;
  const taken = kept(purchases.flatMap(({ captures }) => captures));
  const held = purchases.reduce((sum, one) => sum + one.held, 0);
  return [
    `cashless vends: ${count('completed')} paid, ${count('cancelled')} cancelled`,
    `${count('unpaid')} unpaid; ${(taken / 100).toFixed(2)} captured, ${(held / 100).toFixed(2)} still authorised`,
  ].join(', ');
}
