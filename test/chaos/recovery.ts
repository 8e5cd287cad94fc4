import type { InjectedFault } from './fault-injection';
import type { TrackedOrder } from './order-tracker';

export interface Recovery {
  readonly kind: string;
  readonly target: string;
  /** Seconds from the end of the fault until every order accepted before it is decided. */
  readonly seconds: number;
  /** Whether no other fault overlapped: otherwise the time is not due to this one alone. */
  readonly alone: boolean;
  /** The order that was decided last. */
  readonly last?: string;
}

/** Its payment is never answered, which takes this long with or without faults. */
const SLOW_TOKEN = 'tok_timeout';

/** How long each fault kept orders waiting after it ended. */
export function recoveries(
  faults: readonly InjectedFault[],
  orders: Iterable<TrackedOrder>,
  now: number,
): Recovery[] {
  const quick = [...orders].filter(({ token }) => token !== SLOW_TOKEN);
  return faults.map((fault) => {
    const waiting = quick.filter(
      ({ acceptedAt, decidedAt = now }) => acceptedAt < fault.endedAt && decidedAt > fault.endedAt,
    );
    const [last] = waiting.toSorted((one, other) => end(other, now) - end(one, now));
    const until = last === undefined ? fault.endedAt : end(last, now);
    const alone = faults.every(
      (other) => other === fault || other.begunAt > until || other.endedAt < fault.begunAt,
    );
    const { kind, target } = fault;
    const seconds = (until - fault.endedAt) / 1_000;
    return { kind, target, seconds, alone, ...(last === undefined ? {} : { last: last.orderId }) };
  });
}

const end = ({ decidedAt }: TrackedOrder, now: number) => decidedAt ?? now;

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((one, other) => one - other);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}
