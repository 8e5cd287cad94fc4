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
