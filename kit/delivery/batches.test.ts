import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { asService } from '../core/caller';
import type { CloudEvent } from '../messages/cloud-event';
import { defineCommand, defineEvent } from '../messages/contract';
import { expectCrashSafe } from '../testing/crash-safety';
import { bulkBodies, failedEntries } from '../adapters/dapr/bulk';
import { refused, unavailable } from '../core/errors';
import { Service } from '../service/service';
import { testbed } from '../testing/testbed';

const Lit = z.object({ lamp: z.string(), turn: z.int() });
const LampLit = defineEvent('LampLit', {
  type: 'lamp.lit',
  description: 'A lamp was lit.',
  data: Lit,
  subject: ({ lamp }) => lamp,
});
const Noted = defineEvent('Noted', {
  type: 'lamp.noted',
  description: 'It was noted.',
  data: Lit,
  subject: ({ lamp }) => lamp,
});

const order: string[] = [];
const lamps = new Service('lamps', {
  stores: { turns: z.object({ turns: z.array(z.int()) }) },
  publishes: [Noted],
});
lamps.on(
  LampLit,
  async ({ lamp, turn }, { turns, publishAll, clock }) => {
    if (lamp === 'refused') throw refused('dark', 'it is dark');
    if (lamp === 'unavailable') throw unavailable('not yet');
    // the first event of a lamp takes longest
    await clock.sleep(100 - turn);
    order.push(`${lamp} ${String(turn)}`);
    await turns.update(lamp, (now) => ({ turns: [...(now?.turns ?? []), turn] }));
    await publishAll(Noted, [
      { lamp, turn },
      { lamp, turn },
    ]);
  },
  { maxEvents: 10, maxWaitMs: 100 },
);

const lit = [1, 2, 3].flatMap((turn) => ['a', 'b'].map((lamp) => ({ lamp, turn })));
const batchOf = (bed: ReturnType<typeof testbed<typeof lamps.definition>>, all = lit) =>
  all.map((data) => bed.eventOf(LampLit, data, { id: `${data.lamp}-${String(data.turn)}` }));

describe('events in a batch', () => {
  it('are handled separately, those about one subject in order', async () => {
    const bed = testbed(lamps);
    order.length = 0;
    const statuses = await bed.deliverAll(batchOf(bed));
    expect(statuses).toEqual(lit.map(() => 'SUCCESS'));
    for (const lamp of ['a', 'b']) {
      const own = order.filter((entry) => entry.startsWith(lamp));
      expect(own).toEqual([1, 2, 3].map((turn) => `${lamp} ${String(turn)}`));
    }
    expect(order[1]?.startsWith('a')).not.toBe(order[0]?.startsWith('a'));
    // the events that each handler publishes have ids of their own, as without a batch
    expect(new Set(bed.memory.events.map(({ id }) => id)).size).toBe(2 * lit.length);
  });

  it('are not held up by one that is refused, unreadable or parked', async () => {
    const bed = testbed(lamps);
    const all = [
      ...batchOf(bed, [
        { lamp: 'refused', turn: 1 },
        { lamp: 'a', turn: 1 },
        { lamp: 'unavailable', turn: 1 },
      ]),
      { id: 'junk', data: 'junk' },
      ...batchOf(bed, [{ lamp: 'b', turn: 1 }]),
    ];
    expect(await bed.deliverAll(all)).toEqual(all.map(() => 'SUCCESS'));
    expect(bed.isParked('unavailable-1')).toBe(true);
    const { letters } = await bed.runtime.deadLetters.page(1, 10);
    expect(letters.map(({ id, reason }) => [id, reason]).sort()).toEqual([
      [expect.any(String), 'unreadable'],
      ['refused-1', 'dark'],
    ]);
    expect(bed.published(Noted).map(({ lamp }) => lamp)).toEqual(['a', 'a', 'b', 'b']);
  });

  it('are crash-safe', async () => {
    await expectCrashSafe(
      () => testbed(lamps),
      async (bed) => {
        const statuses = await bed.deliverAll(batchOf(bed, lit.slice(0, 4)));
        expect(statuses).not.toContain('RETRY');
      },
    );
  });

  it('cannot be commands, whose retries would hold up the others', () => {
    const Light = defineCommand('Light', {
      type: 'lamp.light',
      description: 'Light it.',
      data: Lit,
      subject: () => '',
    });
    const batches = { maxEvents: 10, maxWaitMs: 100 };
    expect(() => {
      new Service('lamps', {}).on(Light, async () => undefined, batches);
    }).toThrow('lamp.light is a command');
  });
});

describe('bulk publish requests', () => {
  const events = async (count: number, size: number) => {
    const bed = testbed(new Service('publisher', { publishes: [Noted] }));
    const all = Array.from({ length: count }, (_, turn) => ({ lamp: 'x'.repeat(size), turn }));
    await bed.context(asService()).publishAll(Noted, all);
    return bed.memory.events;
  };
  const Entries = z.array(z.object({ entryId: z.string(), event: z.looseObject({}) }));
  const sizes = (all: readonly CloudEvent[]) =>
    bulkBodies(all).map((body) => Entries.parse(JSON.parse(body)).length);

  it('are as few as possible, and none is too large', async () => {
    expect(sizes(await events(250, 1))).toEqual([100, 100, 50]);
    expect(sizes(await events(5, 150_000))).toEqual([2, 2, 1]);
    expect(sizes(await events(2, 900_000))).toEqual([1, 1]);
    expect(bulkBodies([])).toEqual([]);
  });

  it('contain each event under its own id', async () => {
    const all = await events(3, 1);
    const [body = ''] = bulkBodies(all);
    const entries = Entries.parse(JSON.parse(body));
    expect(entries.map(({ event }) => event)).toEqual(all);
    expect(entries.map(({ entryId }) => entryId)).toEqual(all.map(({ id }) => id));
  });

  it('report how many events could not be published', () => {
    const failed = { failedEntries: [{ entryId: 'a', error: 'no broker' }, { entryId: 'b' }] };
    expect(failedEntries(JSON.stringify(failed))).toBe('2 events: no broker');
    expect(failedEntries('not JSON')).toBe('not JSON');
  });
});
