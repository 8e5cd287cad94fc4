import type { Books, Violation } from './books';
import { accepted, distinct } from './books';
import { type Death, type Hit, countsOf } from './faults';
import { type Recovery, median } from './recovery';
import { type Fault, inWords } from './schedule';

export interface Report {
  /** What carried the events. */
  readonly bus: string;
  readonly seed: number;
  readonly seconds: number;
  /** What could not be done on this machine. */
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
  readonly events: { readonly said: number; readonly distinct: number };
  readonly faults: Readonly<Record<string, number>>;
  readonly deaths: Readonly<Record<string, number>>;
  readonly recovery: { readonly longest?: Recovery; readonly median: number };
  readonly recoveries: readonly Recovery[];
  readonly violations: readonly (Violation & { readonly trail: readonly string[] })[];
}

const DOUBLED = ['everyChangeIsOneEvent'];
const LOST = ['everyChangeIsSaid', 'everyEventIsTold'];
const STUCK = ['nothingIsInFlight', 'nothingIsHeldForEver', 'replayEmptiesDeadLetters'];

export interface Outcome {
  readonly bus: string;
  readonly seed: number;
  readonly seconds: number;
  readonly notRun: readonly string[];
  readonly heldBack: number;
  readonly deadLettered: number;
  readonly unanswered: number;
  readonly books: Books;
  readonly hits: readonly Hit[];
  readonly deaths: readonly Death[];
  readonly recoveries: readonly Recovery[];
  readonly violations: Report['violations'];
}

/** The run in numbers. */
export function reportOf(outcome: Outcome): Report {
  const { books, hits, deaths, recoveries, violations, unanswered } = outcome;
  const { bus, seed, seconds, notRun, heldBack, deadLettered } = outcome;
  const { orders, asked, events } = books;
  const broken = (names: readonly string[], text?: RegExp) =>
    violations.filter(
      ({ invariant, message }) => names.includes(invariant) || text?.test(message) === true,
    ).length;
  const [longest] = recoveries.toSorted((one, other) => other.seconds - one.seconds);
  const waited = recoveries.map((recovery) => recovery.seconds);
  return {
    ...{ bus, seed, seconds, notRun, heldBack, deadLettered },
    accepted: new Set(accepted(asked).map(({ orderId }) => orderId)).size,
    confirmed: orders.filter(({ status }) => status === 'confirmed').length,
    cancelled: tally(
      orders.flatMap(({ status, reason = '' }) => (status === 'cancelled' ? [reason] : [])),
    ),
    lost: broken(LOST, /is lost|nobody was told|one was not said/),
    doubled: broken(DOUBLED, /captured \d+ times|is twice|cancelled \d+ times/),
    stuck: broken(STUCK, /for ever$|was stranded/) + unanswered,
    answers: tally(asked.map(({ what, status }) => `${what} ${status ?? 'no answer'}`)),
    events: { said: events.length, distinct: distinct(events).length },
    faults: countsOf(hits),
    deaths: tally(deaths.map(({ name }) => name)),
    recovery: { ...(longest === undefined ? {} : { longest }), median: median(waited) },
    recoveries,
    violations,
  };
}

function tally(names: readonly string[]): Record<string, number> {
  const counts = Map.groupBy(names, (name) => name);
  return Object.fromEntries(
    [...counts].map(([name, its]): [string, number] => [name, its.length]).sort(),
  );
}

/** The schedule for people, before it is run. */
export function scheduleInWords(faults: readonly Fault[]): string {
  return faults.map((fault) => `  ${inWords(fault)}`).join('\n');
}

/** The report for people. */
export function inText(report: Report, hits: readonly Hit[]): string {
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
  const lines = hits.map((hit, at) => {
    const took = recoveries[at]?.seconds.toFixed(1) ?? '?';
    const also = recoveries[at]?.alone === true ? '' : ', with others';
    return `  ${inWords(hit)}  recovered in ${took} s${also}${hit.note === '' ? '' : `; ${hit.note}`}`;
  });
  return [
    `seed ${report.seed} on ${report.bus}, ${report.seconds.toFixed(0)} s of load`,
    ...report.notRun.map((what) => `not run: ${what}`),
    'faults:',
    ...lines,
    `ended by themselves: ${counts(report.deaths)}`,
    `answers: ${counts(report.answers)}; held back ${report.heldBack}`,
    `events: ${report.events.said} said, ${report.events.distinct} different`,
    `recovery: median ${recovery.median.toFixed(1)} s, longest ${worst}`,
    `orders: accepted ${report.accepted}, confirmed ${report.confirmed}, cancelled: ${counts(report.cancelled)}`,
    `lost ${report.lost}, doubled ${report.doubled}, stuck ${report.stuck}, dead-lettered ${report.deadLettered}`,
    ...violations
      .slice(0, 50)
      .flatMap(({ invariant, about, message, trail }) => [
        `VIOLATION ${invariant}: ${about} ${message}`,
        ...trail.map((line) => `    ${line}`),
      ]),
    violations.length === 0
      ? 'every invariant holds'
      : `${violations.length} violations of ${[...new Set(violations.map(({ invariant }) => invariant))].join(', ')}`,
  ].join('\n');
}
