import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { search, tell } from './campaign';
import { PLANTS } from './mutants';
import { scenarios } from './scenario';
import { simulate } from './fault-simulation';

// A million schedules take an hour, and are run by `npm run simulate:faults`; here are a few.

const SEED = 20_260_105;
const RUNS = 3_000;
/** Within so many schedules a planted bug is found. */
const RUNS_FOR_A_BUG = 1_500;
const PATIENCE_MS = 600_000;

test(
  `orders come out right in ${RUNS} schedules of seed ${SEED}, whatever fails`,
  async () => {
    const found = await search({ seed: SEED, runs: RUNS });
    expect(found && (await tell(found))).toBeUndefined();
  },
  PATIENCE_MS,
);

test('the same seed gives the same trace', async () => {
  const chosen = fc.sample(scenarios, { seed: SEED, numRuns: 30 });
  const play = async () => {
    const outcomes = [];
    for (const scenario of chosen) outcomes.push(await simulate(scenario, { traced: true }));
    return outcomes;
  };
  const first = await play();
  expect(first.flatMap(({ trace }) => trace).length).toBeGreaterThan(1_000);
  expect(await play()).toEqual(first);
});

test.each(Object.entries(PLANTS))(
  'a bug is found: %s',
  async (plant, { breaks }) => {
    const asked = { seed: SEED, runs: RUNS_FOR_A_BUG, plant, invariant: breaks };
    const found = await search({ ...asked, shrink: false });
    expect(found?.violation.invariant).toBe(breaks);
  },
  PATIENCE_MS,
);
