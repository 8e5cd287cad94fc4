import fc from 'fast-check';
import { INVARIANTS, type Invariant, type Violation } from './invariants/violation';
import { PLANTS } from './mutants';
import { type Scenario, scenarios } from './scenario';
import { simulate } from './fault-simulation';

/** Sums of counts by their names. */
export type Tally = Map<string, number>;

export function addTo(tally: Tally, counts: Iterable<readonly [string, number]>): void {
  for (const [name, count] of counts) tally.set(name, (tally.get(name) ?? 0) + count);
}

export interface Search {
  seed: number;
  runs: number;
  /** The name of a bug that is planted. */
  plant?: string | undefined;
  /** The invariant that is looked for; any where there is none. */
  invariant?: Invariant;
  /** Where in the seed's scenarios to begin, as fast-check counts them: `17:0:2`. */
  path?: string | undefined;
  /** Whether a violation is made as small as it gets. */
  shrink?: boolean;
  /** What came about is added to it. */
  tally?: Tally;
  onSchedule?: () => void;
}

export interface Found {
  readonly violation: Violation;
  readonly scenario: Scenario;
  readonly seed: number;
  readonly path: string;
  readonly plant: string | undefined;
}

/** Plays one scenario of the seed after another, until one of them violates an invariant. */
export async function search(asked: Search): Promise<Found | undefined> {
  const { seed, runs, path, shrink = true, tally = new Map<string, number>() } = asked;
  const isAsked = ({ invariant }: Violation) =>
    asked.invariant === undefined || invariant === asked.invariant;
  let last: Violation | undefined;
  const property = fc.asyncProperty(scenarios, async (scenario) => {
    const { violations, counts, injected } = await play(scenario, asked.plant);
    // a schedule takes no turn of the real loop, on which others wait
    await new Promise(setImmediate);
    const violation = violations.find(isAsked);
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
    asked.onSchedule?.();
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
  // the last that failed is not always the smallest
  const violation = (await play(scenario, asked.plant)).violations.find(isAsked) ?? last;
  return { violation, scenario, seed, path: counterexamplePath, plant: asked.plant };
}

/** Plays a scenario once more, and tells everything that comes about. */
export async function traceOf({ scenario, plant }: Pick<Found, 'scenario' | 'plant'>) {
  return (await play(scenario, plant, true)).trace;
}

/** What was violated, how to see it again, and how it came about. */
export async function tell(found: Found): Promise<string> {
  const { violation, scenario, seed, path, plant } = found;
  const { invariant, orderId, text } = violation;
  const planted = plant === undefined ? '' : ` --plant ${plant}`;
  return [
    `VIOLATED: ${invariant} (${INVARIANTS[invariant]})`,
    `  ${orderId === '' ? '' : `${orderId}: `}${text}`,
    `again: npm run simulate:faults -- --seed ${seed} --path ${path}${planted}`,
    `scenario: ${JSON.stringify(scenario, undefined, 1)}`,
    ...(await traceOf(found)),
    '',
  ].join('\n');
}

async function play(scenario: Scenario, plantName: string | undefined, traced = false) {
  const plant = plantName === undefined ? undefined : PLANTS[plantName];
  if (plantName !== undefined && plant === undefined) {
    throw new Error(`${plantName} is none of: ${Object.keys(PLANTS).join(', ')}`);
  }
  return simulate(scenario, { plant: plant?.seams(), traced });
}
