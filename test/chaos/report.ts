import { type Books, type Violation, accepted, distinct } from '../invariants/books';
import type { InvariantName } from '../invariants/check';
import { type Crash, type InjectedFault, countsOf } from './fault-injection';
import { type Recovery, median } from './recovery';
import type { Outage, Overtaking } from './outages';
import type { LoggedRequest } from './request-log';
import { type Fault, describeFault } from './schedule';

export interface Report {
  /** The broker. */
  readonly bus: string;
  readonly seed: number;
  readonly seconds: number;
  /** Faults that this machine or this system cannot have. */
  readonly notRun: readonly string[];
  readonly accepted: number;
  readonly confirmed: number;
  readonly cancelled: Readonly<Record<string, number>>;
  readonly lost: number;
  readonly doubled: number;
  readonly stuck: number;
  readonly deadLettered: number;
  readonly heldBack: number;
  readonly answers: Readonly<Record<string, number>>;
  readonly events: { readonly published: number; readonly distinct: number };
  readonly faults: Readonly<Record<string, number>>;
  readonly crashes: Readonly<Record<string, number>>;
  readonly recovery: { readonly longest?: Recovery; readonly median: number };
  readonly recoveries: readonly Recovery[];
  readonly violations: readonly (Violation & { readonly trail: readonly string[] })[];
  readonly outages: readonly Outage[];
  readonly overtakings: readonly Overtaking[];
}

// The invariants, and the messages of other ones, that report a lost, doubled or stuck effect.
const DOUBLED: readonly InvariantName[] = ['everyChangeIsOneEvent'];
const LOST: readonly InvariantName[] = ['everyChangeIsPublished', 'everyEventIsNotified'];
const STUCK: readonly InvariantName[] = [
  'nothingIsInFlight',
  'nothingStaysReserved',
  'replayEmptiesDeadLetters',
];

export interface Outcome {
  readonly bus: string;
  readonly seed: number;
  readonly seconds: number;
  readonly notRun: readonly string[];
  readonly heldBack: number;
  readonly deadLettered: number;
  readonly unanswered: number;
  readonly books: Books;
  readonly requests: readonly LoggedRequest[];
  readonly faults: readonly InjectedFault[];
  readonly crashes: readonly Crash[];
  readonly recoveries: readonly Recovery[];
  readonly violations: Report['violations'];
  readonly outages: readonly Outage[];
  readonly overtakings: readonly Overtaking[];
}

/** The run in numbers. */
export function reportOf(outcome: Outcome): Report {
  const { books, requests, faults, crashes, recoveries, violations, unanswered } = outcome;
  const { bus, seed, seconds, notRun, heldBack, deadLettered } = outcome;
  const { orders, events } = books;
  const violated = (names: readonly string[], message: RegExp) =>
    violations.filter(
      (violation) => names.includes(violation.invariant) || message.test(violation.message),
    ).length;
  const [longest] = recoveries.toSorted((one, other) => other.seconds - one.seconds);
  const waited = recoveries.map((recovery) => recovery.seconds);
  return {
    bus,
    seed,
    seconds,
    notRun,
    heldBack,
    deadLettered,
    accepted: new Set(accepted(books.requests).map(({ answer }) => answer.orderId)).size,
    confirmed: orders.filter(({ status }) => status === 'confirmed').length,
    cancelled: tally(
      orders.flatMap(({ status, reason = '' }) => (status === 'cancelled' ? [reason] : [])),
    ),
    lost: violated(LOST, /is lost|that was not published|one was not published/),
    doubled: violated(DOUBLED, /captured \d+ times|is twice|cancelled \d+ times/),
    stuck: violated(STUCK, /for ever$|was stranded/) + unanswered,
    answers: tally(requests.map(({ kind, status }) => `${kind} ${status ?? 'no answer'}`)),
    events: { published: events.length, distinct: distinct(events).length },
    faults: countsOf(faults),
    crashes: tally(crashes.map(({ name }) => name)),
    recovery: { ...(longest === undefined ? {} : { longest }), median: median(waited) },
    recoveries,
    violations,
    outages: outcome.outages,
    overtakings: outcome.overtakings,
  };
}

function tally(names: readonly string[]): Record<string, number> {
  const counts = Map.groupBy(names, (name) => name);
  return Object.fromEntries(
    [...counts].map(([name, its]): [string, number] => [name, its.length]).sort(),
  );
}

/** The schedule as text, a line for each fault. */
export function scheduleText(faults: readonly Fault[]): string {
  return faults.map((fault) => `  ${describeFault(fault)}`).join('\n');
}

/** The report as text. */
export function reportText(report: Report, faults: readonly InjectedFault[]): string {
  const { recovery, violations, recoveries } = report;
  const counts = (of: Readonly<Record<string, number>>) =>
    Object.entries(of)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ') || 'none';
  const longest = recovery.longest;
  const worst =
    longest === undefined
      ? 'none'
      : `${longest.seconds.toFixed(1)} s (${longest.kind} ${longest.target})`;
  const lines = faults.map((fault, at) => {
    const took = recoveries[at]?.seconds.toFixed(1) ?? '?';
    const also = recoveries[at]?.alone === true ? '' : ', overlapping others';
    const note = fault.note === '' ? '' : `; ${fault.note}`;
    return `  ${describeFault(fault)}  recovered in ${took} s${also}${note}`;
  });
  return [
    `seed ${report.seed} on ${report.bus}, ${report.seconds.toFixed(0)} s of load`,
    ...report.notRun.map((what) => `not run: ${what}`),
    'faults:',
    ...lines,
    `crashed without a fault: ${counts(report.crashes)}`,
    `answers: ${counts(report.answers)}; held back ${report.heldBack}`,
    `events: ${report.events.published} published, ${report.events.distinct} distinct`,
    `recovery: median ${recovery.median.toFixed(1)} s, longest ${worst}`,
    `orders: accepted ${report.accepted}, confirmed ${report.confirmed}, cancelled: ${counts(report.cancelled)}`,
    `lost ${report.lost}, doubled ${report.doubled}, stuck ${report.stuck}, dead-lettered ${report.deadLettered}`,
    ...report.outages.map(({ service, seconds, parked, goesOnAfter, goneAfter }) => {
      const after = (value?: number) =>
        value === undefined ? 'not' : `${value.toFixed(1)} s after it`;
      return `outage of ${service}, ${seconds.toFixed(0)} s: at most ${parked} events parked, the first handled ${after(goesOnAfter)}, all ${after(goneAfter)}`;
    }),
    ...report.overtakings.map(
      ({ service, subject, event, overtaken }) =>
        `OUT OF ORDER ${service}: ${event} before ${overtaken} of ${subject}`,
    ),
    ...violations
      .slice(0, 50)
      .flatMap(({ invariant, about, message, trail }) => [
        `VIOLATION ${invariant}: ${about} ${message}`,
        ...trail.map((line) => `    ${line}`),
      ]),
    violations.length === 0
      ? 'all invariants hold'
      : `${violations.length} violations of ${[...new Set(violations.map(({ invariant }) => invariant))].join(', ')}`,
  ].join('\n');
}
