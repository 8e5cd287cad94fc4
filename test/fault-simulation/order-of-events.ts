import type { Violation } from './fault-simulation';

/** Something that happened to an event in a service, in the order of time. */
export interface Happening {
  readonly app: string;
  /** The key under which the service keeps its events in order. */
  readonly subject: string;
  readonly id: string;
  /** `acknowledged`: it was handled before, or is parked. */
  readonly what: 'arrived' | 'acknowledged' | 'handled';
}

/**
 * Events that overtook a parked event of their subject: they arrived after that one was acknowledged, and
 * were handled before it. Events that the bus delivers concurrently have no order.
 */
export function overtakings(happenings: readonly Happening[]): Violation[] {
  const bySubject = Map.groupBy(happenings, ({ app, subject }) => JSON.stringify([app, subject]));
  return [...bySubject.values()].flatMap((all) => overtakingsOfSubject(all));
}

function overtakingsOfSubject(all: readonly Happening[]): Violation[] {
  const violations: Violation[] = [];
  const handled = new Set<string>();
  /** The parked events. */
  const waiting = new Set<string>();
  /** For each event, those that were parked when it first arrived. */
  const ahead = new Map<string, readonly string[]>();
  for (const { app, subject, id, what } of all) {
    if (what === 'arrived' && !ahead.has(id)) ahead.set(id, [...waiting]);
    if (what === 'acknowledged' && !handled.has(id)) waiting.add(id);
    if (what !== 'handled') continue;
    handled.add(id);
    waiting.delete(id);
    const overtaken = ahead.get(id)?.find((other) => waiting.has(other));
    if (overtaken === undefined) continue;
    const message = `${id} was handled before ${overtaken}, which was parked before it arrived`;
    violations.push({ invariant: 'orderIsKept', about: `${app} ${subject}`, message });
  }
  return violations;
}
