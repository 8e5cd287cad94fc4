import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { simulate } from './fault-simulation';
import { APPS } from './faults';
import { MUTANTS } from './mutants';
import { scenarios } from './scenario';
import { type Tally, describeFound, search } from './search';

// A million schedules take an hour, with `npm run simulate:faults`; here are a few of them.

const SEED = 20_260_105;
const RUNS = 3_000;
/** Schedules with an outage of half an hour, of each app. */
const RUNS_OF_AN_OUTAGE = 20;
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

test.each(APPS)(
  'all invariants hold if %s is down for half an hour, and what was held up is done soon after that',
  async (app) => {
    const tally: Tally = new Map();
    const found = await search({ seed: SEED, runs: RUNS_OF_AN_OUTAGE, outageOf: app, tally });
    expect(found && (await describeFound(found))).toBeUndefined();
    expect(tally.get('fault: outage')).toBe(RUNS_OF_AN_OUTAGE);
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
