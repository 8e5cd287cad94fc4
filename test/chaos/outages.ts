import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Edge } from '../e2e/edge';
import type { InjectedFault } from './fault-injection';
import type { Fault } from './schedule';

/** Seconds of load before the first outage. */
const BEFORE = 10;
/** Seconds between the end of an outage and the next one: what the first has held up is done by then. */
const BETWEEN = 40;
const POLL_MS = 1_000;

/** Each service is down in turn, for the same time. */
export function outageSchedule(services: readonly string[], seconds: number): Fault[] {
  return services.map((target, index) => {
    const from = BEFORE + index * (seconds + BETWEEN);
    return { kind: 'kill', target, from, to: from + seconds };
  });
}

/** How long the load lasts with these outages. */
export function outageSeconds(services: readonly string[], seconds: number): number {
  return BEFORE + services.length * (seconds + BETWEEN);
}

const Parked = z.object({
  items: z.array(z.object({ dependency: z.string(), events: z.number() })),
});

/** The parked events of all services at a time. */
interface Sample {
  readonly at: number;
  readonly events: number;
}

/** The parked events of one service, by dependency; undefined if it does not answer. */
export async function parkedIn(admin: Edge, service: string): Promise<number | undefined> {
  const found = await admin.get(Parked, `/admin/parked-events/${service}`).catch(() => undefined);
  return found?.items.reduce((sum, { events }) => sum + Math.max(events, 1), 0);
}

/** What an outage held up. */
export interface Outage {
  readonly service: string;
  readonly seconds: number;
  /** The most events that were parked in all services. */
  readonly parked: number;
  /** Seconds from its end until the first of them was handled. */
  readonly goesOnAfter?: number;
  /** Seconds from its end until none was parked; undefined if some still were when the next one began. */
  readonly goneAfter?: number;
}

/** Counts the parked events during the outages. */
export class OutageWatch {
  readonly #samples: Sample[] = [];
  readonly #stopped = new AbortController();

  constructor(
    private readonly admin: Edge,
    private readonly services: readonly string[],
  ) {}

  async run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      const counts = await Promise.all(
        this.services.map((service) => parkedIn(this.admin, service)),
      );
      const events = counts.reduce<number>((sum, count = 0) => sum + count, 0);
      this.#samples.push({ at: Date.now(), events });
      await sleep(POLL_MS, undefined, { signal: this.#stopped.signal }).catch(() => undefined);
    }
  }

  stop(): void {
    this.#stopped.abort();
  }

  outagesOf(faults: readonly InjectedFault[], resumed: readonly Resumed[]): Outage[] {
    return faults.map(({ target: service, begunAt, endedAt }, index) => {
      const until = faults[index + 1]?.begunAt ?? Infinity;
      const during = this.#samples.filter(({ at }) => at >= begunAt && at < until);
      const gone = during.find(({ at, events }) => at >= endedAt && events === 0);
      const handled = resumed
        .filter(({ parkedAt }) => parkedAt >= begunAt && parkedAt <= endedAt)
        .map(({ handledAt }) => handledAt)
        .filter((at) => at >= endedAt);
      const seconds = (at: number) => (at - endedAt) / 1_000;
      return {
        service,
        seconds: (endedAt - begunAt) / 1_000,
        parked: Math.max(0, ...during.map(({ events }) => events)),
        ...(handled.length === 0 ? {} : { goesOnAfter: seconds(Math.min(...handled)) }),
        ...(gone === undefined ? {} : { goneAfter: seconds(gone.at) }),
      };
    });
  }
}

const Line = z.object({
  timestamp: z.string(),
  message: z.enum(['event handled', 'event parked', 'event not handled']),
  eventId: z.string(),
  type: z.string(),
  subject: z.string(),
  outcome: z.string(),
  duration: z.number(),
});

/** An event that a process handled before one of its subject that it had parked before. */
export interface Overtaking {
  readonly service: string;
  readonly subject: string;
  readonly event: string;
  readonly overtaken: string;
}

/** A parked event that was handled later. Times are in epoch milliseconds. */
export interface Resumed {
  readonly parkedAt: number;
  readonly handledAt: number;
}

/** What happened to the parked events of a service. */
export interface ParkedHistory {
  readonly overtakings: readonly Overtaking[];
  readonly resumed: readonly Resumed[];
}

/**
 * What happened to the parked events of a service with a single process, according to its log at the level
 * debug. `isCommand` tells whether a type is a command: those wait only for others of their type.
 */
export function parkedHistory(
  service: string,
  log: string,
  isCommand: (type: string) => boolean,
): ParkedHistory {
  const overtakings: Overtaking[] = [];
  const resumed: Resumed[] = [];
  /** By subject, the parked events that are not handled yet, in order, with the time of their parking. */
  const waiting = new Map<string, Map<string, number>>();
  for (const text of log.split('\n')) {
    if (!text.includes('"event ')) continue;
    const { data: line } = Line.safeParse(parsed(text));
    if (line === undefined) continue;
    const { eventId, type, outcome, duration } = line;
    const at = Date.parse(line.timestamp);
    const subject = isCommand(type) ? `${line.subject} ${type}` : line.subject;
    const own = waiting.get(subject) ?? new Map<string, number>();
    waiting.set(subject, own);
    if (outcome === 'parked') {
      if (!own.has(eventId)) own.set(eventId, at);
      continue;
    }
    if (outcome === 'retried') continue;
    for (const [other, parkedAt] of own) {
      if (other === eventId) break;
      // it had begun before the other one was parked
      if (at - duration <= parkedAt && !own.has(eventId)) continue;
      overtakings.push({ service, subject, event: eventId, overtaken: other });
      break;
    }
    const parkedAt = own.get(eventId);
    if (parkedAt !== undefined) resumed.push({ parkedAt, handledAt: at });
    own.delete(eventId);
  }
  return { overtakings, resumed };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
