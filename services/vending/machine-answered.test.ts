import { describe, expect, it, test } from '@jest/globals';
import { asService } from '#kit/core/caller';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { Code } from '#kit/core/errors';
import {
  SlotFaulted,
  StockMissing,
  VendCancelled,
  VendCompleted,
  VendUnpaid,
} from '#contracts/vending';
import {
  answer,
  bedWith,
  faults,
  machine,
  pending,
  place,
  placed,
  slotIn,
  steps,
  vendOf,
} from './testing';
import { World, price, silent } from './testing-world';

const outOf = { vendId: 'v1', machineId: 'm1', shopId: 'shop_1', slot: 'A1', productId: 'tea' };
const facts = { ...outOf, quantity: 1 };
const jobs = (bed: Awaited<ReturnType<typeof bedWith>>) => [...bed.memory.jobs.keys()];

describe('a machine that has dispensed', () => {
  it('completes the vend: it is paid for, and gone from the slot and the stock', async () => {
    const { bed, world } = await placed();
    world.clock.advance(4_000);
    await answer(bed, 'acknowledged');
    const vend = await vendOf(bed);
    expect(vend).toMatchObject({ status: 'completed', undo: [] });
    expect(steps(vend).slice(3)).toEqual([
      ...['dispense done', 'take done', 'commit done', 'capture done'],
    ]);
    expect(vend.story.steps[3]).toMatchObject({ ms: 4_000 });
    expect(world.outcome()).toEqual({ gone: true, paid: true });
    expect(await slotIn(bed)).toEqual({ quantity: 2, claimed: 0, fault: undefined });
    expect(bed.published(VendCompleted)).toEqual([
      { ...facts, channel: 'cashless', price, userId: 'ann' },
    ]);
    expect(bed.memory.events.map(({ type }) => type)).toEqual(['vend.completed']);
    expect(jobs(bed)).toEqual([]);
  });

  it('completes it once, however often it tells', async () => {
    const { bed, world } = await placed();
    for (let told = 0; told < 2; told++) await answer(bed, 'acknowledged');
    await answer(bed, 'expired');
    await answer(bed, 'failed');
    expect(await vendOf(bed)).toMatchObject({ status: 'completed' });
    expect(world.outcome()).toEqual({ gone: true, paid: true });
    expect(await slotIn(bed)).toEqual({ quantity: 2, claimed: 0, fault: undefined });
    expect(bed.published(VendCompleted)).toHaveLength(1);
  });

  it('has sold its last piece: the next buyer is refused', async () => {
    const bed = await bedWith([pending(), pending('tok_ok', 'v2')], new World(), machine(1));
    await place(bed);
    await answer(bed, 'acknowledged');
    await place(bed, 'v2');
    expect(await vendOf(bed, 'v2')).toMatchObject({ status: 'cancelled', reason: 'out_of_stock' });
  });

  it('completes it though the stock was given away meanwhile, and the piece is told as missing', async () => {
    const { bed, world } = await placed();
    world.stock.set('v1', 'released');
    await answer(bed, 'acknowledged');
    expect(await vendOf(bed)).toMatchObject({ status: 'completed' });
    expect(bed.published(StockMissing)).toEqual([
      { ...facts, missingInSlot: 0, missingInStock: 1 },
    ]);
  });
});

describe('a machine that could not dispense', () => {
  it('has the vend undone, and its slot sells nothing more', async () => {
    const { bed, world } = await placed();
    await answer(bed, 'failed', { reason: 'jammed' });
    const vend = await vendOf(bed);
    expect(vend).toMatchObject({ status: 'cancelled', reason: 'not_dispensed' });
    expect(steps(vend).slice(3)).toEqual([
      ...['dispense refused', 'release done', 'void done', 'unclaim done'],
    ]);
    expect(world.outcome()).toEqual({ gone: false, paid: false });
    expect(world.pieces.get('tea')).toBe(10);
    expect(await slotIn(bed)).toEqual({ quantity: 3, claimed: 0, fault: 'jammed' });
    expect(bed.published(VendCancelled)).toEqual([
      { ...facts, userId: 'ann', reason: 'not_dispensed' },
    ]);
    const { vendId, quantity, ...slot } = facts;
    expect(bed.published(SlotFaulted)).toEqual([{ ...slot, fault: 'jammed' }]);
  });

  it('has its slot out of use without a reason, too', async () => {
    const { bed } = await placed();
    await answer(bed, 'failed');
    expect(await slotIn(bed)).toMatchObject({ fault: 'not_dispensed' });
  });
});

describe('a machine that stayed silent', () => {
  const silentBed = async (token = 'tok_ok') => {
    const { bed, world } = await placed(token);
    world.clock.advance(31_000);
    await answer(bed, 'expired');
    return { bed, world };
  };

  it('has the vend undone, and its slot suspect', async () => {
    const { bed, world } = await silentBed();
    const vend = await vendOf(bed);
    expect(vend).toMatchObject({ status: 'cancelled', reason: 'machine_silent' });
    expect(steps(vend)[3]).toBe('dispense unknown');
    expect(world.outcome()).toEqual({ gone: false, paid: false });
    expect(await slotIn(bed)).toEqual({ quantity: 3, claimed: 0, fault: 'suspect' });
    expect(bed.published(SlotFaulted)).toMatchObject([{ fault: 'suspect' }]);
  });

  it('sells from the slot again, once it tells what is wrong with it, and that is not', async () => {
    const { bed, world } = await silentBed();
    await faults(bed, [{ code: 'door_open' }], 2, new Date(world.clock.now()).toISOString());
    expect(await slotIn(bed)).toEqual({ quantity: 3, claimed: 0, fault: undefined });
  });

  it('has dispensed after all: that is a loss, gone from slot and stock, and told', async () => {
    const { bed, world } = await silentBed();
    await answer(bed, 'acknowledged', { late: true });
    const vend = await vendOf(bed);
    expect(vend).toMatchObject({ status: 'unpaid', reason: 'machine_silent' });
    expect(world.outcome()).toEqual({ gone: true, paid: false });
    expect(world.pieces.get('tea')).toBe(9);
    expect(await slotIn(bed)).toEqual({ quantity: 2, claimed: 0, fault: undefined });
    expect(bed.published(VendCancelled)).toHaveLength(1);
    expect(bed.published(VendUnpaid)).toEqual([{ ...facts, price, reason: 'machine_silent' }]);
    expect(bed.published(StockMissing)).toEqual([]);
    expect(vend.story.events.map(({ type }) => type)).toEqual([
      ...['slot.faulted', 'vend.cancelled', 'vend.unpaid'],
    ]);
  });

  it('has dispensed what was sold to another meanwhile: then it is missing in the stock', async () => {
    const { bed, world } = await silentBed();
    world.pieces.set('tea', 0);
    await answer(bed, 'acknowledged', { late: true });
    expect(await vendOf(bed)).toMatchObject({ status: 'unpaid' });
    expect(bed.published(StockMissing)).toEqual([
      { ...facts, missingInSlot: 0, missingInStock: 1 },
    ]);
  });

  it('could not dispense, as it tells too late: what is wrong is known better', async () => {
    const { bed } = await silentBed();
    await answer(bed, 'failed', { reason: 'jammed', late: true });
    expect(await vendOf(bed)).toMatchObject({ status: 'cancelled', reason: 'machine_silent' });
    expect(await slotIn(bed)).toEqual({ quantity: 3, claimed: 0, fault: 'jammed' });
    expect(bed.published(SlotFaulted).map(({ fault }) => fault)).toEqual(['suspect', 'jammed']);
  });

  it('tells so before it is known to have been silent: then the vend is a good one', async () => {
    const { bed, world } = await placed();
    await answer(bed, 'acknowledged', { late: true });
    await answer(bed, 'expired');
    expect(await vendOf(bed)).toMatchObject({ status: 'completed' });
    expect(world.outcome()).toEqual({ gone: true, paid: true });
    expect(await slotIn(bed)).toMatchObject({ fault: undefined });
  });

  it('tells so while its vend is being undone: that is undone first', async () => {
    const { bed, world } = await placed();
    world.breaks('void', silent(Code.UNAVAILABLE));
    await answer(bed, 'expired');
    expect(await vendOf(bed)).toMatchObject({ status: 'cancelling' });
    await answer(bed, 'acknowledged', { late: true });
    expect(await vendOf(bed)).toMatchObject({ status: 'unpaid' });
    expect(world.outcome()).toEqual({ gone: true, paid: false });
    expect(bed.published(VendCancelled)).toHaveLength(1);
  });
});

describe('what is dispensed, and nobody knows whether it is paid for', () => {
  it.each(['tok_capture_flaky', 'tok_capture_timeout'])('is settled later: %s', async (token) => {
    const { bed, world } = await placed(token);
    await answer(bed, 'acknowledged');
    expect(await vendOf(bed)).toMatchObject({ status: 'settling' });
    expect(bed.memory.events).toEqual([]);
    expect(jobs(bed)).toEqual(['settle.v1.1']);
    expect(bed.memory.jobs.get('settle.v1.1')).toMatchObject({ dueTime: '2s' });

    await bed.runJob('settle.v1.1');
    expect(await vendOf(bed)).toMatchObject({ status: 'settling' });
    expect(bed.memory.jobs.get('settle.v1.2')).toMatchObject({ dueTime: '4s' });

    await bed.runJob('settle.v1.2');
    const vend = await vendOf(bed);
    expect(vend).toMatchObject({ status: 'completed' });
    expect(world.outcome()).toEqual({ gone: true, paid: true });
    expect(await slotIn(bed)).toMatchObject({ quantity: 2, claimed: 0 });
    expect(bed.published(VendCompleted)).toHaveLength(1);

    // nothing is left to be tried
    expect(jobs(bed)).not.toContain('settle.v1.3');
  });

  it('is tried ever more seldom, but at least each hour', async () => {
    const { bed, world } = await placed();
    world.breaks('capture', silent(Code.UNAVAILABLE), 30);
    await answer(bed, 'acknowledged');
    for (let attempt = 1; attempt <= 13; attempt++) await bed.runJob(`settle.v1.${attempt}`);
    const due = [11, 12, 13].map((nth) => bed.memory.jobs.get(`settle.v1.${nth}`)?.dueTime);
    expect(due).toEqual(['2048s', '3600s', '3600s']);
    expect(await vendOf(bed)).toMatchObject({ status: 'settling' });
  });

  it('is unpaid where the money is not to be had any more, and that is told', async () => {
    const { bed, world } = await placed('tok_capture_expired');
    await answer(bed, 'acknowledged');
    const vend = await vendOf(bed);
    expect(vend).toMatchObject({ status: 'unpaid', reason: 'authorisation_expired' });
    expect(steps(vend).at(-1)).toBe('capture refused');
    expect(world.outcome()).toEqual({ gone: true, paid: false });
    expect(bed.published(VendUnpaid)).toEqual([
      { ...facts, price, reason: 'authorisation_expired' },
    ]);
    expect(bed.published(VendCompleted)).toEqual([]);
  });
});

describe('a vend whose services are away', () => {
  it.each(['commit', 'capture'])('is completed later: %s', async (method) => {
    const { bed, world } = await placed();
    world.breaks(method, silent(Code.UNAVAILABLE));
    expect(await answer(bed, 'acknowledged')).toBe('SUCCESS');
    await bed.runJob('settle.v1.1');
    expect(await vendOf(bed)).toMatchObject({ status: 'completed' });
    expect(world.outcome()).toEqual({ gone: true, paid: true });
  });

  it.each(['release', 'void'])('is undone later: %s', async (method) => {
    const { bed, world } = await placed();
    world.breaks(method, silent(Code.DEADLINE_EXCEEDED));
    expect(await answer(bed, 'failed', { reason: 'jammed' })).toBe('SUCCESS');
    expect(await vendOf(bed)).toMatchObject({ status: 'cancelling' });
    await bed.runJob('settle.v1.1');
    expect(await vendOf(bed)).toMatchObject({ status: 'cancelled', reason: 'not_dispensed' });
    expect(world.outcome()).toEqual({ gone: false, paid: false });
  });

  it('is a dead letter where they refuse what they may not, and its replay goes on', async () => {
    const { bed, world } = await placed();
    world.breaks('release', silent(Code.FAILED_PRECONDITION), 6);
    for (let tries = 0; tries < 6; tries++) await answer(bed, 'expired');
    const { letters } = await bed.runtime.deadLetters.page(1, 10);
    expect(letters).toMatchObject([{ type: 'device.command.settled' }]);
    await bed.runtime.replay(letters[0]?.id ?? '');
    expect(await vendOf(bed)).toMatchObject({ status: 'cancelled' });
  });
});

test('the answer to a command of somebody else is nothing to this service', async () => {
  const { bed } = await placed();
  const before = bed.sidecar.effects;
  expect(await answer(bed, 'acknowledged', { commandId: 'another' })).toBe('SUCCESS');
  expect(await answer(bed, 'acknowledged', { name: 'reboot' })).toBe('SUCCESS');
  expect(bed.sidecar.effects).toBe(before);
});

describe('an answer is crash safe', () => {
  const built = async (token: string) => (await placed(token)).bed;

  it.each([
    ['acknowledged', 'tok_ok'],
    ['acknowledged', 'tok_capture_expired'],
    ['acknowledged', 'tok_capture_flaky'],
    ['acknowledged', 'tok_capture_timeout'],
    ['failed', 'tok_ok'],
    ['expired', 'tok_ok'],
  ] as const)('%s, %s', async (outcome, token) => {
    await expectCrashSafe(
      () => built(token),
      (bed) => answer(bed, outcome),
    );
  });

  it.each(['acknowledged', 'failed'] as const)('late: %s', async (outcome) => {
    await expectCrashSafe(
      async () => {
        const bed = await built('tok_ok');
        await answer(bed, 'expired');
        return bed;
      },
      (bed) => answer(bed, outcome, { late: true, reason: 'jammed' }),
    );
  });

  it('where the piece is missing in the stock', async () => {
    await expectCrashSafe(
      async () => {
        const { bed, world } = await placed();
        world.pieces.set('tea', 0);
        await answer(bed, 'expired');
        world.pieces.set('tea', 0);
        return bed;
      },
      (bed) => answer(bed, 'acknowledged', { late: true }),
    );
  });

  it.each([
    ['acknowledged', 'capture', 1],
    ['acknowledged', 'capture', 9],
    ['failed', 'void', 1],
    ['failed', 'void', 9],
  ] as const)(
    'also where a job goes on with it: %s, %s away %i times',
    async (outcome, method, times) => {
      await expectCrashSafe(
        async () => {
          const { bed, world } = await placed();
          world.breaks(method, silent(Code.UNAVAILABLE), times);
          await answer(bed, outcome);
          return bed;
        },
        (bed) => bed.runJob('settle.v1.1'),
      );
    },
  );
});

test('a job works for the tenant whose vend it is', async () => {
  const world = new World();
  const bed = await bedWith([], world);
  const other = bed.context(asService('other'));
  await other.machines.update('m1', () => machine());
  await other.vends.update('v9', () => ({ ...pending('tok_ok', 'v9'), status: 'settling' }));
  world.money.set('v9', 'authorised');
  world.stock.set('v9', 'held');
  const data = { tenantId: 'other', vendId: 'v9', attempt: 1 };
  await bed.context(asService()).jobs.once('settle', 'v9.1', '5s', data);
  await bed.runJob('settle.v9.1');
  expect(await bed.context(asService('other')).vends.getOrThrow('v9')).toMatchObject({
    status: 'completed',
  });
  expect(bed.memory.events).toMatchObject([{ type: 'vend.completed', tenantid: 'other' }]);
});
