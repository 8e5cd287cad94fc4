import { deepStrictEqual } from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { Crash, type InjectedFaults } from './memory-transport';
import type { Definition } from '../service/definition';
import type { Testbed } from './testbed';

/** Long enough for work that nobody waits for to show. */
const LATE_MS = 60_000;

export interface CrashSafety {
  /** Names of fields that differ from run to run by nature, such as a salt. */
  ignore?: readonly string[];
}

/**
 * Asserts that some work ends the same whatever happens on the way: the process is killed after
 * each single side effect and the work comes again; it is killed once the work is acknowledged;
 * the work comes twice, one after the other and at once; each write meets a conflict. Documents,
 * events said, messages sent and jobs must be the same as in an undisturbed run, and every call
 * and every request to an endpoint must keep its identity.
 *
 * `build` makes a fresh testbed, prepared; `act` gives it the work, under a fixed id.
 */
export async function expectCrashSafe<D extends Definition>(
  build: () => Testbed<D> | Promise<Testbed<D>>,
  act: (bed: Testbed<D>) => Promise<unknown>,
  { ignore = [] }: CrashSafety = {},
): Promise<void> {
  const run = async (
    what: string,
    faults: InjectedFaults,
    again: (bed: Testbed<D>) => Promise<unknown>,
  ) => {
    const bed = await build();
    const before = leftBy(bed, ignore);
    bed.injectFaults(faults);
    await outcome(() => act(bed));
    if (bed.sidecar.dead) bed.restart();
    await again(bed);
    await bed.settle();
    return { what, bed, before, left: leftBy(bed, ignore) };
  };

  const undisturbed = await run('undisturbed', {}, nothing);
  // what the work left running behind its own back counts as well
  await undisturbed.bed.clock.sleep(LATE_MS);
  undisturbed.left = leftBy(undisturbed.bed, ignore);
  if (isDeepStrictEqual(undisturbed.left, undisturbed.before)) {
    throw new Error('the work had no effect, so nothing was tested');
  }
  const { effects, saves } = undisturbed.bed.sidecar;

  const disturbed = [];
  for (let effect = 1; effect <= effects; effect++) {
    const what = `killed after effect ${String(effect)} of ${String(effects)}`;
    disturbed.push(await run(what, { crashAfterEffect: effect }, (bed) => outcome(() => act(bed))));
  }
  for (let save = 1; save <= saves; save++) {
    const what = `conflict on write ${String(save)} of ${String(saves)}`;
    disturbed.push(await run(what, { conflictOnSave: save }, nothing));
  }
  // what was acknowledged does not come again
  disturbed.push(
    await run('killed once it was acknowledged', {}, (bed) => {
      bed.sidecar.kill();
      bed.restart();
      return bed.clock.sleep(LATE_MS);
    }),
  );
  disturbed.push(await run('given twice', {}, (bed) => outcome(() => act(bed))));
  disturbed.push(await atOnce(build, act, ignore));

  for (const { what, left } of disturbed) deepStrictEqual(left, undisturbed.left, what);
}

async function atOnce<D extends Definition>(
  build: () => Testbed<D> | Promise<Testbed<D>>,
  act: (bed: Testbed<D>) => Promise<unknown>,
  ignore: readonly string[],
) {
  const bed = await build();
  bed.injectFaults({});
  await Promise.all([outcome(() => act(bed)), outcome(() => act(bed))]);
  await bed.settle();
  return { what: 'given twice at once', left: leftBy(bed, ignore) };
}

async function nothing(): Promise<void> {
  // no second delivery
}

/** A refusal is an outcome like any other; only a kill is none. */
async function outcome(work: () => Promise<unknown>): Promise<unknown> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Crash) return undefined;
    return error;
  }
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/;

function leftBy<D extends Definition>(bed: Testbed<D>, ignore: readonly string[]) {
  // when something happened, and how long it took, may differ; what happened may not
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
        .filter(([key]) => !key.startsWith('outcome:'))
        .sort(([left], [right]) => (left < right ? -1 : 1))
        .map(([key, { json, expires }]) => {
          const stored = JSON.parse(json) as { data: unknown; sequence: number };
          const goes = expires !== Infinity;
          return [key, { data: plain(stored.data), sequence: stored.sequence, goes }];
        }),
    ),
    said: unique(events.map(({ id, type, subject }) => `${type} ${subject} ${id}`)),
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
