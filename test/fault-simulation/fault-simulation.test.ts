import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { simulate } from './fault-simulation';
import { MUTANTS } from './mutants';
import { scenarios } from './scenario';
import { describeFound, search } from './search';

// A million schedules take an hour, with `npm run simulate:faults`; here are a few of them.

const SEED = 20_260_105;
const RUNS = 3_000;
/** Schedules within which a mutant is detected. */
const RUNS_FOR_A_MUTANT = 1_500;
const TEST_MS = 600_000;

test(
  `all invariants hold in ${RUNS} schedules of seed ${SEED}, whatever fails`,
  async () => {
    const found = await search({ seed: SEED, runs: RUNS });
    expect(found && (await describeFound(found))).toBeUndefined();
  },
  TEST_MS,
);

test('the same seed gives the same trace', async () => {
  const chosen = fc.sample(scenarios, { seed: SEED, numRuns: 30 });
  const run = async () => {
    const outcomes = [];
    for (const scenario of chosen) outcomes.push(await simulate(scenario, { traced: true }));
    return outcomes;
  };
  const first = await run();
  expect(first.flatMap(({ trace }) => trace).length).toBeGreaterThan(1_000);
  expect(await run()).toEqual(first);
});

test.each(Object.entries(MUTANTS))(
  'the mutant %s is detected',
  async (mutant, { breaks }) => {
    const wanted = { seed: SEED, runs: RUNS_FOR_A_MUTANT, mutant, invariant: breaks };
    const found = await search({ ...wanted, shrink: false });
    expect(found?.violation.invariant).toBe(breaks);
  },
  TEST_MS,
);
