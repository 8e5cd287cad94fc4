import { DEFAULT_TENANT } from '#kit/core/caller';
import { subjectOf } from '#kit/delivery/parking/parking-lot';
import type { AnyService } from '#kit/service/service';
import { SeededRandom } from '../tools/seeded-random';
import type { Faults } from './faults';
import { Loop, START } from './loop';
import type { Happening } from './order-of-events';
import type { Hooks } from './mutants';
import type { Scenario } from './scenario';

/** What all parts of one simulated schedule share. */
export class Simulation {
  readonly loop = new Loop();
  /** Statistics, by name. */
  readonly counts = new Map<string, number>();
  /** Errors that no handler should throw. */
  readonly unexpected: string[] = [];
  readonly happenings: Happening[] = [];
  readonly trace: string[] | undefined;
  /** Whether the messages of calls are encoded and decoded. It is slow, so only some schedules do. */
  readonly wire: boolean;
  /** Whether the processes' clocks differ. */
  readonly skewed: boolean;

  constructor(
    readonly scenario: Scenario,
    readonly faults: Faults,
    /** The mutant that runs in place of the system, if there is one. */
    readonly mutant: Hooks | undefined,
    traced: boolean,
  ) {
    this.trace = traced ? [] : undefined;
    this.wire = scenario.seed % 8 === 0;
    this.skewed = scenario.seed % 2 === 1;
  }

  random(name: string): SeededRandom {
    return new SeededRandom(this.scenario.seed, name);
  }

  /** Notes what happened to an event in a service. */
  happened(
    { app, service }: { app: string; service: AnyService },
    event: { id: string; type: string; subject: string },
    what: Happening['what'],
  ): void {
    const isCommand = service.events.get(event.type)?.contract.kind === 'command';
    const subject = subjectOf({ ...event, tenantid: DEFAULT_TENANT }, isCommand);
    this.happenings.push({ app, subject, id: event.id, what });
  }

  count(label: string, by = 1): void {
    this.counts.set(label, (this.counts.get(label) ?? 0) + by);
  }

  /** Adds a line to the trace. Call it only where there is a trace: making the text is slow. */
  note(actor: string, what: string): void {
    const seconds = ((this.loop.now - START) / 1000).toFixed(3);
    this.trace?.push(`${seconds.padStart(9)}  ${actor.padEnd(15)} ${what}`);
  }
}
