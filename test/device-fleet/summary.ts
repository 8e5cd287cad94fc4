import type { Books } from './books';
import type { Fleet } from './setup';
import type { Watch } from './watch';

/** What was done and seen, for people. */
export function summaryOf(
  { world: { ledger }, devices }: Fleet,
  { acknowledged, perSecond, lags }: Pick<Watch, 'acknowledged' | 'perSecond' | 'lags'>,
  hits: readonly string[],
): string[] {
  const sorted = lags.toSorted((one, other) => one - other);
  const at = (part: number) => sorted[Math.floor(part * (sorted.length - 1))] ?? 0;
  const misdeeds = ledger.misdeeds.reduce((sum, { times }) => sum + times, 0);
  const outcomes = [...ledger.dispenses.values()].map(({ outcome }) => outcome);
  const count = (wanted: string) => outcomes.filter((outcome) => outcome === wanted).length;
  return [
    `${devices.length} devices, ${acknowledged} messages taken by the broker, ${perSecond.toFixed(0)} a second`,
    `lag: median ${at(0.5)} ms, 95th of 100 ${at(0.95)} ms, longest ${at(1)} ms`,
    `${ledger.cash.length} cash sales of machines, ${ledger.purchases.length} vends without cash`,
    `commands: ${count('acknowledged')} done, ${count('failed')} failed, ${count('silent')} left unanswered`,
    `${misdeeds} messages that no device should send, ${ledger.drifted} pieces gone that nobody told of`,
    ...(hits.length === 0 ? [] : [`faults: ${hits.join(', ')}`]),
  ];
}

/** What became of the vends without cash, and of their money. */
export function moneyLine({ purchases, vends }: Books): string {
  const known = vends.filter(({ channel }) => channel === 'cashless');
  const count = (wanted: string) => known.filter(({ status }) => status === wanted).length;
  const kept = purchases.reduce((sum, { captured, refunded }) => sum + captured - refunded, 0);
  const held = purchases.reduce((sum, one) => sum + one.held, 0);
  return [
    `vends without cash: ${count('completed')} paid, ${count('cancelled')} cancelled`,
    `${count('unpaid')} unpaid; ${(kept / 100).toFixed(2)} taken, ${(held / 100).toFixed(2)} still kept ready`,
  ].join(', ');
}
