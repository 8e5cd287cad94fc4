import type { Hit } from './faults';
import type { Track } from './tracks';

export interface Recovery {
  readonly kind: string;
  readonly target: string;
  /** Seconds from the healing until every order that was accepted before is decided. */
  readonly seconds: number;
  /** Whether anything else was hit meanwhile: then it is not this fault's alone. */
  readonly alone: boolean;
  /** The order that was decided last. */
  readonly last?: string;
}

/** Whose payment never answers waits for that, faults or none. */
const SLOW_BY_ITSELF = 'tok_timeout';

/** How long each fault kept orders waiting after it was healed. */
export function recoveries(hits: readonly Hit[], tracks: Iterable<Track>, now: number): Recovery[] {
  const orders = [...tracks].filter(({ token }) => token !== SLOW_BY_ITSELF);
  return hits.map((hit) => {
    const waiting = orders.filter(
      ({ acceptedAt, decidedAt = now }) => acceptedAt < hit.healedAt && decidedAt > hit.healedAt,
    );
    const [last] = waiting.toSorted((one, other) => end(other, now) - end(one, now));
    const until = last === undefined ? hit.healedAt : end(last, now);
    const alone = hits.every(
      (other) => other === hit || other.begunAt > until || other.healedAt < hit.begunAt,
    );
    const { kind, target } = hit;
    const seconds = (until - hit.healedAt) / 1_000;
    return { kind, target, seconds, alone, ...(last === undefined ? {} : { last: last.orderId }) };
  });
}

const end = ({ decidedAt }: Track, now: number) => decidedAt ?? now;

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((one, other) => one - other);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}
