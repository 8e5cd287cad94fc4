import { deepStrictEqual } from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { Crash, type InjectedFaults } from './memory-transport';
import type { Definition } from '../service/definition';
import type { Testbed } from './testbed';

/** Long enough for the effects of work that was started and not awaited. */
const LATE_MS = 60_000;

export interface CrashSafetyOptions {
  /** The names of fields that differ between runs, such as a random salt. */
  ignore?: readonly string[];
}

/**
 * Asserts that work has the same result in every run: with the process killed after each single effect
 * and the work repeated; with the process killed after the work was acknowledged; with the work repeated
 * afterwards and concurrently; with a conflict on each write. The documents, events, messages and jobs
 * must equal those of an undisturbed run, and every call and endpoint request must have the same id.
 *
 * `build` creates a testbed with its data; `act` does the work, under a fixed call context id. Throws an
 * AssertionError that names the run.
 */
export async function expectCrashSafe<D extends Definition>(
  build: () => Testbed<D> | Promise<Testbed<D>>,
  act: (bed: Testbed<D>) => Promise<unknown>,
  { ignore = [] }: CrashSafetyOptions = {},
): Promise<void> {
  const run = async (
    name: string,
    faults: InjectedFaults,
    repeat: (bed: Testbed<D>) => Promise<unknown>,
  ) => {
    const bed = await build();
    const before = stateOf(bed, ignore);
    bed.injectFaults(faults);
    await withoutCrash(() => act(bed));
    if (bed.sidecar.dead) bed.restart();
    await repeat(bed);
    await bed.settle();
    // killed while it handled an event that the work has published
    if (bed.sidecar.dead) {
      bed.restart();
      await bed.settle();
    }
    return { name, bed, before, state: stateOf(bed, ignore) };
  };

  const undisturbed = await run('undisturbed', {}, noRepetition);
  // includes the effects of work that was started and not awaited
  await undisturbed.bed.clock.sleep(LATE_MS);
  undisturbed.state = stateOf(undisturbed.bed, ignore);
  if (isDeepStrictEqual(undisturbed.state, undisturbed.before)) {
    throw new Error('the work had no effect, so nothing was tested');
  }
  const { effects, saves } = undisturbed.bed.sidecar;
  const again = (bed: Testbed<D>) => withoutCrash(() => act(bed));

  const disturbed = [];
  for (let effect = 1; effect <= effects; effect++) {
    const name = `killed after effect ${String(effect)} of ${String(effects)}`;
    disturbed.push(await run(name, { crashAfterEffect: effect }, again));
  }
  for (let save = 1; save <= saves; save++) {
    const name = `conflict on write ${String(save)} of ${String(saves)}`;
    disturbed.push(await run(name, { conflictOnSave: save }, noRepetition));
  }
  // acknowledged work is not repeated
  disturbed.push(
    await run('killed after it was acknowledged', {}, (bed) => {
      bed.sidecar.kill();
      bed.restart();
      return bed.clock.sleep(LATE_MS);
    }),
  );
  disturbed.push(await run('repeated', {}, again));
  disturbed.push(await runConcurrently(build, act, ignore));

  for (const { name, state } of disturbed) deepStrictEqual(state, undisturbed.state, name);
}

async function runConcurrently<D extends Definition>(
  build: () => Testbed<D> | Promise<Testbed<D>>,
  act: (bed: Testbed<D>) => Promise<unknown>,
  ignore: readonly string[],
) {
  const bed = await build();
  bed.injectFaults({});
  await Promise.all([withoutCrash(() => act(bed)), withoutCrash(() => act(bed))]);
  await bed.settle();
  return { name: 'repeated concurrently', state: stateOf(bed, ignore) };
}

async function noRepetition(): Promise<void> {
  // the work runs once
}

/**
 * Runs work whose result does not matter: a refusal is as good as a success, and a crash is
 * expected.
 */
async function withoutCrash(work: () => Promise<unknown>): Promise<unknown> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Crash) return undefined;
    return error;
  }
}

/** The kit's own documents, which may differ between runs with the same result. */
const BOOKKEEPING = /^(outcome|parked|begun)/;

/** The prefix of the keys of parked events. */
const PARKED = 'parked-event:';

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/;

/** The state after the work, without times and durations, which may differ between runs. */
function stateOf<D extends Definition>(bed: Testbed<D>, ignore: readonly string[]) {
  const plain = (value: unknown): unknown => {
    if (typeof value === 'string') return TIME.test(value) ? '(time)' : value;
    if (Array.isArray(value)) return value.map(plain);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .filter(([name]) => name !== 'ms' && !ignore.includes(name))
        .map(([name, inner]) => [name, plain(inner)]),
    );
  };
  const { documents, events, sent, jobs, calls, requests } = bed.memory;
  const unique = (texts: string[]) => [...new Set(texts)].sort();
  return {
    documents: Object.fromEntries(
      [...documents]
        .filter(([key]) => !BOOKKEEPING.test(key))
        .sort(([left], [right]) => (left < right ? -1 : 1))
        .map(([key, { json, expires }]) => {
          const stored = JSON.parse(json) as { data: unknown; sequence: number };
          const expiring = expires !== Infinity;
          return [key, { data: plain(stored.data), sequence: stored.sequence, expiring }];
        }),
    ),
    parked: [...documents.keys()]
      .flatMap((key) => (key.startsWith(PARKED) ? [key.slice(PARKED.length)] : []))
      .filter((id) => bed.isParked(id))
      .sort(),
    published: unique(events.map(({ id, type, subject }) => `${type} ${subject} ${id}`)),
    sent: unique(sent.map((message) => JSON.stringify(plain(message)))),
    jobs: unique([...jobs.keys()]),
    requests: unique(
      requests.map(({ endpoint, method, path, headers = {} }) =>
        [endpoint, method, path, headers['idempotency-key']].join(' '),
      ),
    ),
    calls: unique(calls.map(({ appId, method, causeId }) => `${appId} ${method} ${causeId}`)),
  };
}
