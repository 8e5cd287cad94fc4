import { Chance } from './chance';
import type { Faults } from './faults';
import { Loop, START } from './loop';
import type { Seams } from './mutants';
import type { Scenario } from './scenario';

/** What everything in one schedule shares. */
export class Stage {
  readonly loop = new Loop();
  /** What came about, counted. */
  readonly counts = new Map<string, number>();
  /** What went wrong that nobody foresaw: a handler threw something that it should not. */
  readonly unforeseen: string[] = [];
  readonly trace: string[] | undefined;
  /** Whether messages of calls go over the wire and back. It costs, so not all schedules do. */
  readonly wire: boolean;
  /** Whether the processes' clocks differ. */
  readonly skewed: boolean;

  constructor(
    readonly scenario: Scenario,
    readonly faults: Faults,
    /** The bug that is planted, if there is one. */
    readonly plant: Seams | undefined,
    traced: boolean,
  ) {
    this.trace = traced ? [] : undefined;
    this.wire = scenario.seed % 8 === 0;
    this.skewed = scenario.seed % 2 === 1;
  }

  chance(name: string): Chance {
    return new Chance(this.scenario.seed, name);
  }

  count(label: string): void {
    this.counts.set(label, (this.counts.get(label) ?? 0) + 1);
  }

  /** A line of the trace. To be called only where there is one: the text costs. */
  note(who: string, what: string): void {
    const seconds = ((this.loop.now - START) / 1000).toFixed(3);
    this.trace?.push(`${seconds.padStart(9)}  ${who.padEnd(15)} ${what}`);
  }
}
