import fc from 'fast-check';
import { MEANINGS, type SimulationInvariant, type Violation, simulate } from './fault-simulation';
import { MUTANTS } from './mutants';
import type { App } from './faults';
import { type Scenario, outagesOf, scenarios } from './scenario';

/** Sums of counts by their names. */
export type Tally = Map<string, number>;

export function addTo(tally: Tally, counts: Iterable<readonly [string, number]>): void {
  for (const [name, count] of counts) tally.set(name, (tally.get(name) ?? 0) + count);
}

export interface Search {
  seed: number;
  runs: number;
  /** The name of a mutant to run in place of the system. */
  mutant?: string | undefined;
  /** Only a violation of this invariant ends the search; any violation if absent. */
  invariant?: SimulationInvariant;
  /** Where in the seed's scenarios to begin, as fast-check counts them: `17:0:2`. */
  path?: string | undefined;
  /** Whether the scenario of a violation is reduced to the smallest one that still violates. */
  shrink?: boolean;
  /** Statistics are added to it. */
  tally?: Tally;
  /** The app that is down for half an hour in each scenario; otherwise each has faults of all kinds. */
  outageOf?: App | undefined;
  onSchedule?: () => void;
}

export interface Found {
  readonly violation: Violation;
  readonly scenario: Scenario;
  readonly seed: number;
  readonly path: string;
  readonly mutant: string | undefined;
  readonly outageOf: App | undefined;
}

/** Runs the scenarios of a seed until one of them violates an invariant. */
export async function search(wanted: Search): Promise<Found | undefined> {
  const { seed, runs, path, shrink = true, tally = new Map<string, number>() } = wanted;
  const isWanted = ({ invariant }: Violation) =>
    wanted.invariant === undefined || invariant === wanted.invariant;
  let last: Violation | undefined;
  const drawn = wanted.outageOf === undefined ? scenarios : outagesOf(wanted.outageOf);
  const property = fc.asyncProperty(drawn, async (scenario) => {
    const { violations, counts, injected } = await run(scenario, wanted.mutant);
    // a schedule never returns to the real event loop, for which others may be waiting
    await new Promise(setImmediate);
    const violation = violations.find(isWanted);
    if (violation !== undefined) {
      last = violation;
      return false;
    }
    addTo(tally, counts);
    addTo(
      tally,
      [...injected].map(([name, count]) => [`fault: ${name}`, count]),
    );
    addTo(tally, [['schedules', 1]]);
    wanted.onSchedule?.();
    return true;
  });
  const parameters = { seed, numRuns: runs, endOnFailure: !shrink };
  const found = await fc.check(property, {
    ...parameters,
    ...(path === undefined ? {} : { path }),
  });
  if (!found.failed) return undefined;
  const { counterexample, counterexamplePath } = found;
  if (last === undefined || counterexamplePath === null) throw found.errorInstance as Error;
  const [scenario] = counterexample;
  // the last one that failed is not always the smallest
  const violation = (await run(scenario, wanted.mutant)).violations.find(isWanted) ?? last;
  return {
    violation,
    scenario,
    seed,
    path: counterexamplePath,
    mutant: wanted.mutant,
    outageOf: wanted.outageOf,
  };
}

/** Runs a scenario once more, and returns the trace of everything that happens. */
export async function traceOf({ scenario, mutant }: Pick<Found, 'scenario' | 'mutant'>) {
  return (await run(scenario, mutant, true)).trace;
}

/** The violation, the command that reproduces it, and the trace that leads to it. */
export async function describeFound(found: Found): Promise<string> {
  const { violation, scenario, seed, path, mutant, outageOf } = found;
  const { invariant, about, message } = violation;
  const planted = mutant === undefined ? '' : ` --plant ${mutant}`;
  const option = `${planted}${outageOf === undefined ? '' : ` --outage-of ${outageOf}`}`;
  return [
    `VIOLATED: ${invariant} (${MEANINGS[invariant]})`,
    `  ${about === '' ? '' : `${about}: `}${message}`,
    `reproduce: npm run simulate:faults -- --seed ${seed} --path ${path}${option}`,
    `scenario: ${JSON.stringify(scenario, undefined, 1)}`,
    ...(await traceOf(found)),
    '',
  ].join('\n');
}

async function run(scenario: Scenario, mutantName: string | undefined, traced = false) {
  const mutant = mutantName === undefined ? undefined : MUTANTS[mutantName];
  if (mutantName !== undefined && mutant === undefined) {
    throw new Error(`${mutantName} is not one of ${Object.keys(MUTANTS).join(', ')}`);
  }
  return simulate(scenario, { mutant: mutant?.hooks(), traced });
}
