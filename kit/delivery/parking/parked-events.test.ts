import { describe, expect, it, jest, test } from '@jest/globals';
import { z } from 'zod';
import { InventoryService, ReserveOutcome } from '#proto/retail/inventory/v1/inventory_pb';
import { unavailable } from '../../core/errors';
import { type Log, silentLog } from '../../core/log';
import { defineEvent } from '../../messages/contract';
import { MAX_INBOX_ENTRIES } from '../../state/inbox';
import { methods } from '../../service/definition';
import { type ContextOf, Service } from '../../service/service';
import { FakeClock } from '../../testing/fake-clock';
import type { Memory } from '../../testing/memory';
import { Crash } from '../../testing/memory-transport';
import { signedByItsSource } from '../../testing/test-signatures';
import { type Testbed, testbed } from '../../testing/testbed';
import { RESUME_CONCURRENCY } from './parked-events';
import { CLAIM_MS, SHARDS, VIEW_MS } from './parking-lot';

const Step = z.object({ subject: z.string(), n: z.int() });
const Stepped = defineEvent('Stepped', {
  type: 'thing.stepped',
  description: 'A thing went a step.',
  data: Step,
  subject: ({ subject }) => subject,
});
const Renamed = defineEvent('Renamed', {
  type: 'thing.renamed',
  description: 'A thing was renamed.',
  data: Step,
  subject: ({ subject }) => subject,
});

const things = new Service('things', {
  calls: { inventory: methods(InventoryService, 'reserve') },
  stores: { steps: z.object({ steps: z.array(z.int()) }) },
});
things.on(Stepped, handle);
things.on(Renamed, handle);

type Context = ContextOf<typeof things>;

async function handle({ subject, n }: z.infer<typeof Step>, { steps, inventory }: Context) {
  await inventory.reserve({ orderId: subject });
  await steps.update(subject, (now) => ({ steps: [...(now?.steps ?? []), n] }));
}

type Bed = Testbed<typeof things.definition>;

/** The state of the inventory that the service calls, shared by its replicas. */
class Inventory {
  isDown = false;
  readonly downFor = new Set<string>();
  calls = 0;
  running = 0;
  mostRunning = 0;

  constructor(private readonly clock: FakeClock) {}

  readonly reserve = async ({ orderId }: { orderId: string }) => {
    this.calls++;
    this.running++;
    this.mostRunning = Math.max(this.mostRunning, this.running);
    try {
      if (this.isDown || this.downFor.has(orderId)) throw unavailable('inventory is down');
      await this.clock.sleep(10);
      return { outcome: ReserveOutcome.RESERVED };
    } finally {
      this.running--;
    }
  };
}

function open(
  memory?: Memory,
  clock = new FakeClock(),
  inventory = new Inventory(clock),
  log: Log = silentLog,
) {
  const bed = testbed(things, {
    clock,
    log,
    calls: { inventory: { reserve: inventory.reserve } },
    ...(memory === undefined ? {} : { memory }),
  });
  return { bed, clock, inventory };
}

const deliver = (
  bed: Bed,
  subject: string,
  n: number,
  contract: typeof Stepped | typeof Renamed = Stepped,
) =>
  bed.runtime.deliver(
    signedByItsSource(bed.eventOf(contract, { subject, n }, { id: `${subject} ${String(n)}` })),
    contract.type,
  );

const stepsOf = async (bed: Bed, subject: string) =>
  (await bed.context().steps.get(subject))?.steps ?? [];

const parkedIds = ({ memory }: Bed) =>
  [...memory.documents.keys()]
    .filter((key) => key.startsWith('parked-event:'))
    .map((key) => key.slice('parked-event:'.length));

/** Makes attempts until nothing is parked. */
async function resume(bed: Bed): Promise<void> {
  for (let turn = 0; parkedIds(bed).length > 0; turn++) {
    if (turn > 1_000) throw new Error(`${parkedIds(bed).join(', ')} are never handled`);
    await bed.runtime.parkedEvents.tryAll();
  }
}

describe('while a dependency is unavailable', () => {
  it('later events of a subject wait behind the parked one, and other subjects go on', async () => {
    const { bed, inventory } = open();
    inventory.downFor.add('a');
    for (const n of [1, 2, 3]) expect(await deliver(bed, 'a', n)).toBe('SUCCESS');
    expect(await deliver(bed, 'b', 1)).toBe('SUCCESS');
    expect(await stepsOf(bed, 'b')).toEqual([1]);
    // also of another type, and although the dependency is available again
    inventory.downFor.clear();
    expect(await deliver(bed, 'a', 4, Renamed)).toBe('SUCCESS');
    expect(await stepsOf(bed, 'a')).toEqual([]);
    await resume(bed);
    expect(await stepsOf(bed, 'a')).toEqual([1, 2, 3, 4]);
    expect(await deliver(bed, 'a', 5)).toBe('SUCCESS');
    expect(await stepsOf(bed, 'a')).toEqual([1, 2, 3, 4, 5]);
  });

  it('an event that arrives while the one before it is being parked waits behind it', async () => {
    const { bed, inventory } = open();
    inventory.downFor.add('a');
    const first = deliver(bed, 'a', 1);
    bed.sidecar.onEffect = async () => {
      bed.sidecar.onEffect = () => Promise.resolve();
      inventory.downFor.clear();
      void deliver(bed, 'a', 2);
    };
    await first;
    await bed.runtime.whenIdle();
    await resume(bed);
    expect(await stepsOf(bed, 'a')).toEqual([1, 2]);
  });

  it('a parked event that is delivered again is acknowledged, and handled once', async () => {
    const { bed, inventory } = open();
    inventory.isDown = true;
    for (const n of [1, 2, 1, 2, 1]) expect(await deliver(bed, 'a', n)).toBe('SUCCESS');
    inventory.isDown = false;
    await resume(bed);
    expect(await stepsOf(bed, 'a')).toEqual([1, 2]);
  });

  it('a later event waits also where it arrives at another replica, which saw no parked event a moment ago', async () => {
    const { bed, clock, inventory } = open();
    const { bed: other } = open(bed.memory, clock, inventory);
    // the other replica believes for a while that nothing is parked
    await deliver(other, 'b', 1);
    inventory.downFor.add('a');
    const started = clock.now();
    await deliver(bed, 'a', 1);
    expect(clock.now() - started).toBeGreaterThanOrEqual(VIEW_MS);
    inventory.downFor.clear();
    await deliver(other, 'a', 2);
    expect(await stepsOf(bed, 'a')).toEqual([]);
    await resume(other);
    expect(await stepsOf(bed, 'a')).toEqual([1, 2]);
  });

  it('only the first event of an outage waits until the other replicas know of it', async () => {
    const { bed, clock, inventory } = open();
    inventory.isDown = true;
    await deliver(bed, 'a', 1);
    const started = clock.now();
    for (const n of [2, 3, 4]) await deliver(bed, 'a', n);
    expect(clock.now()).toBe(started);
  });
});

test('nothing is read to keep the order while nothing is parked, but once in a while', async () => {
  const { bed } = open();
  const load = jest.spyOn(bed.sidecar, 'load');
  const loadMany = jest.spyOn(bed.sidecar, 'loadMany');
  for (let n = 0; n < 100; n++) await deliver(bed, 'a', n);
  // each takes 10 ms, so all arrive within a second
  expect(loadMany).toHaveBeenCalledTimes(1);
  expect(load.mock.calls.filter(([key]) => key.startsWith('parked'))).toEqual([]);
});

describe('parking and handling are crash-safe', () => {
  type Work = (bed: Bed, inventory: Inventory) => Promise<unknown>;
  const count = async (work: Work, prepare?: Work) => {
    const { bed, inventory } = open();
    await prepare?.(bed, inventory);
    bed.injectFaults({});
    await work(bed, inventory);
    return bed.sidecar.effects;
  };
  const withoutCrash = (work: Promise<unknown>) =>
    work.catch((error: unknown) => {
      if (!(error instanceof Crash)) throw error;
    });

  it('if the process dies after any effect of parking, and the events come again', async () => {
    const park = async (bed: Bed, inventory: Inventory) => {
      inventory.isDown = true;
      for (const n of [1, 2]) {
        await Promise.race([deliver(bed, 'a', n), bed.sidecar.died.promise]);
      }
    };
    const effects = await count(park);
    expect(effects).toBeGreaterThanOrEqual(7);
    for (let n = 1; n <= effects; n++) {
      const { bed, inventory } = open();
      bed.injectFaults({ crashAfterEffect: n });
      await withoutCrash(park(bed, inventory));
      bed.restart();
      await park(bed, inventory);
      inventory.isDown = false;
      await resume(bed);
      expect([n, await stepsOf(bed, 'a')]).toEqual([n, [1, 2]]);
    }
  });

  it('if the process dies after any effect of handling parked events', async () => {
    const prepare = async (bed: Bed, inventory: Inventory) => {
      inventory.isDown = true;
      for (const n of [1, 2]) await deliver(bed, 'a', n);
      await deliver(bed, 'b', 1);
      inventory.isDown = false;
    };
    const effects = await count((bed) => resume(bed), prepare);
    for (let n = 1; n <= effects; n++) {
      const { bed, inventory } = open();
      await prepare(bed, inventory);
      bed.injectFaults({ crashAfterEffect: n });
      await withoutCrash(Promise.race([resume(bed), bed.sidecar.died.promise]));
      bed.restart();
      await deliver(bed, 'a', 3);
      await resume(bed);
      expect([n, await stepsOf(bed, 'a')]).toEqual([n, [1, 2, 3]]);
      expect(await stepsOf(bed, 'b')).toEqual([1]);
    }
  });

  it('if another replica parks the next event after any effect of handling parked events', async () => {
    const prepare = async (bed: Bed, inventory: Inventory) => {
      inventory.isDown = true;
      await deliver(bed, 'a', 1);
      inventory.isDown = false;
    };
    const effects = await count((bed) => resume(bed), prepare);
    for (let n = 1; n <= effects; n++) {
      const { bed, clock, inventory } = open();
      const { bed: other } = open(bed.memory, clock, inventory);
      await prepare(bed, inventory);
      bed.injectFaults({});
      bed.sidecar.onEffect = async (effect) => {
        if (effect === n) await deliver(other, 'a', 2);
      };
      await resume(bed);
      await resume(bed);
      expect([n, await stepsOf(bed, 'a')]).toEqual([n, [1, 2]]);
    }
  });

  it('if another replica handles the parked events after any effect of parking', async () => {
    const park = async (bed: Bed, inventory: Inventory) => {
      inventory.isDown = true;
      await deliver(bed, 'a', 1);
      inventory.isDown = false;
    };
    const effects = await count(park);
    for (let n = 1; n <= effects; n++) {
      const { bed, clock, inventory } = open();
      const { bed: other } = open(bed.memory, clock, inventory);
      bed.injectFaults({});
      bed.sidecar.onEffect = async (effect) => {
        if (effect === n) await other.runtime.parkedEvents.tryAll();
      };
      await park(bed, inventory);
      await resume(other);
      expect([n, await stepsOf(bed, 'a')]).toEqual([n, [1]]);
    }
  });

  it.each(['parking', 'handling'])('if a write conflicts in %s', async (phase) => {
    for (let conflict = 1; conflict <= 8; conflict++) {
      const { bed, inventory } = open();
      inventory.isDown = true;
      if (phase === 'parking') bed.injectFaults({ conflictOnSave: conflict });
      for (const n of [1, 2]) await deliver(bed, 'a', n);
      inventory.isDown = false;
      if (phase === 'handling') bed.injectFaults({ conflictOnSave: conflict });
      await resume(bed);
      expect([conflict, await stepsOf(bed, 'a')]).toEqual([conflict, [1, 2]]);
    }
  });
});

it('a process that died is replaced by another one, once its claim is lost', async () => {
  const { bed, clock, inventory } = open();
  const { bed: other } = open(bed.memory, clock, inventory);
  inventory.isDown = true;
  await deliver(bed, 'a', 1);
  bed.injectFaults({ crashAfterEffect: 1 });
  // dies with the claim of the shard
  await expect(
    Promise.race([bed.runtime.parkedEvents.tryAll(), bed.sidecar.died.promise]),
  ).rejects.toThrow(Crash);
  inventory.isDown = false;
  const started = clock.now();
  await resume(other);
  expect(clock.now() - started).toBeGreaterThanOrEqual(CLAIM_MS);
  expect(await stepsOf(other, 'a')).toEqual([1]);
});

it('a change that an attempt made is not made again, even if its document forgot it meanwhile', async () => {
  let isDown = true;
  const counting = new Service('counting', {
    calls: { inventory: methods(InventoryService, 'reserve') },
    stores: { counts: z.object({ count: z.int() }) },
  });
  counting.on(Stepped, async ({ subject }, { counts, inventory }) => {
    await counts.update(subject, (now) => ({ count: (now?.count ?? 0) + 1 }));
    await inventory.reserve({ orderId: subject });
  });
  const reserve = () => {
    if (isDown) throw unavailable('inventory is down');
    return { outcome: ReserveOutcome.RESERVED };
  };
  const bed = testbed(counting, { calls: { inventory: { reserve } } });
  const step = () => bed.handleEvent(Stepped, { subject: 'a', n: 1 }, { id: 'e1' });
  expect(await step()).toBe('PARKED');
  for (let other = 0; other <= MAX_INBOX_ENTRIES; other++) {
    await bed.context().counts.update('a', ({ count } = { count: 0 }) => ({ count: count + 1 }));
  }
  bed.clock.advance(20 * 3_600_000);
  expect(await step()).toBe('PARKED');
  isDown = false;
  expect(await step()).toBe('SUCCESS');
  expect(await bed.context().counts.get('a')).toEqual({ count: MAX_INBOX_ENTRIES + 2 });
});

describe('many parked events', () => {
  it('of one subject are handled in order', async () => {
    const { bed, inventory } = open();
    inventory.isDown = true;
    const all = Array.from({ length: 330 }, (_, n) => n);
    for (const n of all) await deliver(bed, 'a', n);
    inventory.isDown = false;
    await resume(bed);
    expect(await stepsOf(bed, 'a')).toEqual(all);
  });

  it('of many subjects take documents of a bounded size, and leave none behind but empty queues', async () => {
    const { bed, inventory } = open();
    inventory.isDown = true;
    const subjects = Array.from({ length: 700 }, (_, n) => `s${String(n)}`);
    for (const n of [1, 2]) {
      for (const subject of subjects) await deliver(bed, subject, n);
    }
    const sizes = [...bed.memory.documents]
      .filter(([key]) => key.startsWith('parked'))
      .map(([, { json }]) => json.length);
    expect(Math.max(...sizes)).toBeLessThan(6_000);
    expect(await bed.runtime.parkedEvents.waiting()).toMatchObject([
      { dependency: 'inventory', events: 2 * subjects.length },
    ]);
    inventory.isDown = false;
    await resume(bed);
    for (const subject of subjects) expect(await stepsOf(bed, subject)).toEqual([1, 2]);
    await bed.runtime.parkedEvents.tryAll();
    expect(await bed.runtime.parkedEvents.waiting()).toEqual([]);
    const left = [...bed.memory.documents].filter(
      ([key, { expires }]) => key.startsWith('parked') && expires === Infinity,
    );
    expect(left.map(([key]) => key).sort()).toEqual(
      Array.from({ length: SHARDS }, (_, shard) => `parked:${String(shard)}`),
    );
  });

  it('take the same number of operations each, however many are parked', async () => {
    const { bed, inventory } = open();
    inventory.isDown = true;
    const operationsOf = async (from: number, to: number) => {
      const before = bed.sidecar.saves;
      for (let n = from; n < to; n++) await deliver(bed, `s${String(n)}`, 1);
      return (bed.sidecar.saves - before) / (to - from);
    };
    const first = await operationsOf(0, 200);
    const later = await operationsOf(2_000, 2_200);
    expect(first).toBeLessThan(4.1);
    expect(later).toBeLessThan(4.1);
  });
});

/** A process in the background that handles parked events. */
function running(bed: Bed) {
  const stop = new AbortController();
  const ended = bed.runtime.parkedEvents.run(stop.signal);
  return {
    stop: async () => {
      stop.abort();
      await ended;
    },
  };
}

async function until(clock: FakeClock, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let turn = 0; !(await holds()); turn++) {
    if (turn > 100_000) throw new Error('it never happened');
    await clock.sleep(100);
  }
}

describe('a running process', () => {
  it('goes on within 30 seconds of the return of a dependency, however long that was down', async () => {
    const { bed, clock, inventory } = open();
    inventory.isDown = true;
    const { stop } = running(bed);
    for (let n = 0; n < 20; n++) await deliver(bed, `s${String(n)}`, 1);
    await clock.sleep(30 * 60_000);
    inventory.isDown = false;
    const returned = clock.now();
    await until(clock, () => parkedIds(bed).length === 0);
    expect(clock.now() - returned).toBeLessThan(30_000);
    await stop();
    for (let n = 0; n < 20; n++) expect(await stepsOf(bed, `s${String(n)}`)).toEqual([1]);
  });

  it('tries one event at a time while the dependency is down, and later several but not all', async () => {
    const { bed, clock, inventory } = open();
    inventory.isDown = true;
    for (let n = 0; n < 200; n++) await deliver(bed, `s${String(n)}`, 1);
    const { stop } = running(bed);
    inventory.calls = 0;
    inventory.mostRunning = 0;
    await clock.sleep(60_000);
    expect(inventory.calls).toBeGreaterThanOrEqual(10);
    expect(inventory.calls).toBeLessThan(20);
    expect(inventory.mostRunning).toBe(1);
    inventory.isDown = false;
    await until(clock, () => parkedIds(bed).length === 0);
    expect(inventory.mostRunning).toBeGreaterThan(1);
    expect(inventory.mostRunning).toBeLessThanOrEqual(RESUME_CONCURRENCY);
    await stop();
  });

  it('handles the events of a dependency that is available, although others of it keep failing', async () => {
    const { bed, clock, inventory } = open();
    inventory.isDown = true;
    const good = Array.from({ length: 12 }, (_, n) => `s${String(n)}`);
    for (const subject of ['bad', ...good, 'worse']) await deliver(bed, subject, 1);
    const { stop } = running(bed);
    inventory.isDown = false;
    for (const subject of ['bad', 'worse']) inventory.downFor.add(subject);
    const returned = clock.now();
    await until(clock, () => parkedIds(bed).length === 2);
    expect(clock.now() - returned).toBeLessThan(30_000);
    expect(parkedIds(bed).sort()).toEqual(['bad 1', 'worse 1']);
    await stop();
  });

  it('logs once when events begin and end to wait for a dependency, and shows them as metrics', async () => {
    const lines: string[] = [];
    const note = (_: object, message: string) => lines.push(message);
    const log = {
      ...silentLog,
      info: note,
      warn: note,
      debug: () => undefined,
      error: note,
      child: () => log,
    } as unknown as Log;
    const clock = new FakeClock();
    const { bed, inventory } = open(undefined, clock, new Inventory(clock), log);
    const { stop } = running(bed);
    inventory.isDown = true;
    for (let n = 0; n < 50; n++) await deliver(bed, `s${String(n)}`, 1);
    await clock.sleep(60_000);
    const metrics = await bed.runtime.metrics.registry.metrics();
    expect(metrics).toContain('events_parked{dependency="inventory"} 50');
    expect(metrics).toMatch(/events_parked_oldest_seconds\{dependency="inventory"\} [56]\d/);
    inventory.isDown = false;
    await until(clock, () => parkedIds(bed).length === 0);
    await clock.sleep(5_000);
    expect(lines.filter((line) => line !== 'event handled')).toEqual([
      'events wait for a dependency',
      'no event waits for the dependency any more',
    ]);
    expect(await bed.runtime.metrics.registry.metrics()).not.toContain('events_parked{');
    await stop();
  });

  it('handles what was parked before it started', async () => {
    const { bed, clock, inventory } = open();
    inventory.isDown = true;
    await deliver(bed, 'a', 1);
    bed.restart();
    inventory.isDown = false;
    const { stop } = running(bed);
    await until(clock, () => parkedIds(bed).length === 0);
    await stop();
    expect(await stepsOf(bed, 'a')).toEqual([1]);
  });

  it('shares the work with another one, and each event is handled once and in order', async () => {
    const { bed, clock, inventory } = open();
    const { bed: other } = open(bed.memory, clock, inventory);
    const both = [running(bed), running(other)];
    const subjects = Array.from({ length: 12 }, (_, n) => `s${String(n)}`);
    inventory.isDown = true;
    for (const n of [1, 2, 3, 4]) {
      for (const [index, subject] of subjects.entries()) {
        await deliver((index + n) % 2 === 0 ? bed : other, subject, n);
      }
    }
    await clock.sleep(60_000);
    inventory.isDown = false;
    const live = Array.from({ length: 5 }, (_, n) => n + 5);
    for (const n of live) {
      await clock.sleep(500);
      for (const subject of subjects) await deliver(n % 2 === 0 ? bed : other, subject, n);
    }
    await until(clock, () => parkedIds(bed).length === 0);
    for (const { stop } of both) await stop();
    for (const subject of subjects)
      expect(await stepsOf(bed, subject)).toEqual([1, 2, 3, 4, ...live]);
  });
});
