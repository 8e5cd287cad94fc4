import { expect, it } from '@jest/globals';
import { z } from 'zod';
import { unavailable } from '../core/errors';
import { defineCommand } from '../messages/contract';
import { type ContextOf, Service } from '../service/service';
import { expectCrashSafe } from '../testing/crash-safety';
import { Crash } from '../testing/memory-transport';
import { type Testbed, testbed } from '../testing/testbed';
import { ABANDONED_MS } from './begun-commands';

const Draft = z.object({ id: z.string(), isDone: z.boolean() });
const Finish = defineCommand('Finish', {
  type: 'draft.finish',
  description: 'Finish a draft.',
  data: z.object({ id: z.string() }),
  subject: ({ id }) => id,
});

const drafts = new Service('drafts', { stores: { drafts: Draft }, publishes: [Finish] });
drafts.on(Finish, async ({ id }, context) => {
  await context.drafts.update(id, (draft) => ({ id, ...draft, isDone: true }));
});

type Bed = Testbed<typeof drafts.definition>;

/** As a handler of a call does it: the draft, and then the command to finish it. */
async function create(context: ContextOf<typeof drafts>, id: string, undo?: () => Promise<void>) {
  await context.beginCommand(Finish, { id }, 'drafts', id);
  await context.drafts.update(id, (draft) => draft ?? { id, isDone: false });
  return context.dispatchAndWait(Finish, { id }, () => context.drafts.get(id), undo);
}

const begunIn = ({ memory }: Bed) =>
  [...memory.documents]
    .filter(([key]) => key.startsWith('begun:'))
    // as the kit stores it
    .flatMap(([, { json }]) => (JSON.parse(json) as { commands: unknown[] }).commands);

const draftIn = (bed: Bed) => bed.context().drafts.get('d1');

/** Two sweeps, with the time between them after which a command is abandoned. */
async function sweep(bed: Bed): Promise<void> {
  await bed.runtime.sweepBegunCommands();
  bed.clock.advance(ABANDONED_MS);
  await bed.runtime.sweepBegunCommands();
  await bed.settle();
}

it('a draft is finished, wherever the process that wrote it died', async () => {
  const undisturbed = testbed(drafts);
  undisturbed.injectFaults({});
  await create(undisturbed.context(), 'd1');
  const { effects } = undisturbed.sidecar;
  expect(effects).toBeGreaterThanOrEqual(3);
  for (let n = 1; n <= effects; n++) {
    const bed = testbed(drafts);
    bed.injectFaults({ crashAfterEffect: n });
    const created = create(bed.context(), 'd1').catch(() => undefined);
    await Promise.race([created, bed.sidecar.died.promise.catch(() => undefined)]);
    bed.restart();
    await sweep(bed);
    const draft = await draftIn(bed);
    // the first effect is the begun command, and there is no draft to finish
    expect([n, draft?.isDone]).toEqual([n, n === 1 ? undefined : true]);
    expect(begunIn(bed)).toEqual([]);
    expect(bed.published(Finish)).toHaveLength(n === 1 ? 0 : 1);
  }
});

it('a sweep may die at any time, or run twice', async () => {
  const build = async () => {
    const bed = testbed(drafts);
    bed.injectFaults({ crashAfterEffect: 2 });
    const created = create(bed.context(), 'd1').catch(() => undefined);
    await Promise.race([created, bed.sidecar.died.promise.catch(() => undefined)]);
    bed.restart();
    return bed;
  };
  await expectCrashSafe(build, async (bed) => {
    await Promise.race([sweep(bed), bed.sidecar.died.promise]);
    if (bed.sidecar.dead) throw new Crash();
  });
});

it('a command that is still being published is left alone', async () => {
  const bed = testbed(drafts);
  const other = testbed(drafts, { memory: bed.memory, clock: bed.clock });
  await bed.context().beginCommand(Finish, { id: 'd1' }, 'drafts', 'd1');
  await bed.context().drafts.update('d1', () => ({ id: 'd1', isDone: false }));
  await other.runtime.sweepBegunCommands();
  bed.clock.advance(ABANDONED_MS - 1);
  await other.runtime.sweepBegunCommands();
  expect(bed.memory.events).toEqual([]);
});

it('a published command is removed with the next one, and with a sweep', async () => {
  const bed = testbed(drafts);
  await create(bed.context(), 'd1');
  expect(begunIn(bed)).toHaveLength(1);
  await create(bed.context(), 'd2');
  expect(begunIn(bed)).toHaveLength(1);
  await bed.runtime.sweepBegunCommands();
  expect(begunIn(bed)).toEqual([]);
  await sweep(bed);
  expect(bed.published(Finish)).toHaveLength(2);
});

it('a command that could not be published and was undone is not published later', async () => {
  const bed = testbed(drafts);
  bed.sidecar.publish = () => Promise.reject(unavailable('the bus is down'));
  const undo = async () => {
    await bed.context().drafts.delete('d1');
  };
  await expect(create(bed.context(), 'd1', undo)).rejects.toThrow('the bus is down');
  await bed.runtime.sweepBegunCommands();
  expect(begunIn(bed)).toEqual([]);
});

it('a command is published by a later sweep if the bus is unavailable', async () => {
  const bed = testbed(drafts);
  const publish = bed.sidecar.publish.bind(bed.sidecar);
  bed.sidecar.publish = () => Promise.reject(unavailable('the bus is down'));
  await expect(create(bed.context(), 'd1')).rejects.toThrow('the bus is down');
  await sweep(bed);
  expect((await draftIn(bed))?.isDone).toBe(false);
  bed.sidecar.publish = publish;
  await bed.runtime.sweepBegunCommands();
  await bed.settle();
  expect((await draftIn(bed))?.isDone).toBe(true);
});
