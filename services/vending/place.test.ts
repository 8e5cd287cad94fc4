import { describe, expect, it, test } from '@jest/globals';
import { asService } from '#kit/core/caller';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { Code, notFound } from '#kit/core/errors';
import { VendCancelled } from '#contracts/vending';
import { ann, bedWith, machine, pending, place, placed, slotIn, steps, vendOf } from './testing';
import { World, seller, silent } from './testing-world';

const outOf = { vendId: 'v1', machineId: 'm1', shopId: 'shop_1', slot: 'A1', productId: 'tea' };

describe('a vend that nothing stands against', () => {
  it('waits for its machine, with the money kept ready and the piece held', async () => {
    const { bed, world } = await placed();
    const vend = await vendOf(bed);
    expect(vend).toMatchObject({ status: 'dispensing', expiresAt: '2026-01-01T00:00:30.000Z' });
    expect(steps(vend)).toEqual(['claim done', 'authorize done', 'reserve done']);
    expect(world.money.get('v1')).toBe('authorised');
    expect(world.stock.get('v1')).toBe('held');
    expect(await slotIn(bed)).toEqual({ quantity: 3, claimed: 1, fault: undefined });
    expect(bed.memory.events).toEqual([]);
  });

  it('tells its machine what to dispense, and until when', async () => {
    const { bed } = await placed();
    const told = bed.memory.calls.find(({ method }) => method === 'sendCommand')?.request;
    expect(told).toMatchObject({
      ...{ commandId: 'v1', deviceId: 'm1', name: 'dispense' },
      arguments: { slot: 'A1', productId: 'tea', quantity: 1 },
      expiresAt: { seconds: BigInt(Date.parse('2026-01-01T00:00:30Z') / 1000) },
    });
  });

  it('keeps its token no longer than it needs it', async () => {
    const { bed } = await placed();
    expect(JSON.stringify([...bed.memory.documents, bed.memory.events])).not.toContain('tok_');
  });

  it('is in the list of its buyer, and in that of its machine', async () => {
    const { bed } = await placed();
    const { lists } = bed.context(asService());
    expect(await lists.byUser.page('ann', 1, 20)).toMatchObject({ items: ['v1'] });
    expect(await lists.byMachine.page('m1', 1, 20)).toMatchObject({ items: ['v1'] });
    const { items } = await bed.call('listVends', {}, { caller: ann });
    expect(items).toMatchObject([{ vendId: 'v1', status: 'dispensing', userId: 'ann' }]);
  });

  it('is asked for again where payment stumbles', async () => {
    const { bed } = await placed('tok_flaky');
    expect(await vendOf(bed)).toMatchObject({ status: 'dispensing' });
    expect(bed.callCount('payment', 'authorize')).toBe(3);
  });
});

describe('a vend is refused before any money is kept ready', () => {
  const refusals = [
    { what: 'where its machine is offline', reason: 'machine_offline', presence: 'offline' },
    { what: 'where its machine was never heard', reason: 'machine_unknown', presence: 'unknown' },
    { what: 'where its slot is empty', reason: 'out_of_stock', planned: machine(0) },
  ];
  it.each(refusals)('$what', async ({ reason, presence = 'online', planned = machine() }) => {
    const world = new World();
    world.presence = presence;
    const { bed } = await placed('tok_ok', world, planned);
    const vend = await vendOf(bed);
    expect(vend).toMatchObject({ status: 'cancelled', reason });
    expect(steps(vend)).toEqual(['claim refused']);
    expect(bed.memory.calls.map(({ appId }) => appId)).toEqual(['shop', 'iot-gateway']);
    expect(bed.published(VendCancelled)).toEqual([
      { ...outOf, quantity: 1, userId: 'ann', reason },
    ]);
    expect(vend.story.events).toMatchObject([{ type: 'vend.cancelled' }]);
  });

  it('where its slot is faulty', async () => {
    const planned = machine();
    const [slot, ...others] = planned.slots;
    const jammed = { ...slot!, fault: { code: 'jammed', since: planned.updatedAt } };
    const { bed } = await placed('tok_ok', new World(), { ...planned, slots: [jammed, ...others] });
    expect(await vendOf(bed)).toMatchObject({ status: 'cancelled', reason: 'slot_faulty' });
    expect(bed.callCount('payment', 'authorize')).toBe(0);
  });

  it('where its slot has another product by now', async () => {
    const bed = await bedWith([{ ...pending(), productId: 'gum' }]);
    await place(bed);
    expect(await vendOf(bed)).toMatchObject({ status: 'cancelled', reason: 'slot_changed' });
  });

  it('where its machine is in another shop by now, until that has planned it', async () => {
    const world = new World();
    world.shopId = 'shop_2';
    const { bed } = await placed('tok_ok', world);
    expect(await vendOf(bed)).toMatchObject({ status: 'cancelled', reason: 'machine_moved' });
    const slots = [{ slot: 'A1', productId: 'tea', capacity: 10 }];
    await bed.call('setPlanogram', { machineId: 'm1', slots }, { caller: seller });
    const wish = { machineId: 'm1', slot: 'A1', payment: { method: 'card', token: 'tok_ok' } };
    const vend = await bed.call('startVend', wish, { caller: ann });
    expect(vend).toMatchObject({ status: 'dispensing', shopId: 'shop_2' });
  });

  it('where nobody can tell whether its machine is there, once its buyer has waited', async () => {
    const world = new World();
    const bed = await bedWith([pending()], world);
    world.breaks('getPresence', silent(Code.UNAVAILABLE), 3);
    expect(await place(bed)).toBe('RETRY');
    expect(await vendOf(bed)).toMatchObject({ status: 'pending' });
    world.clock.advance(10_000);
    expect(await place(bed)).toBe('SUCCESS');
    expect(await vendOf(bed)).toMatchObject({ status: 'cancelled', reason: 'machine_unknown' });
  });

  it('where nobody knows its machine', async () => {
    const world = new World();
    world.breaks('getPresence', notFound('device'));
    const { bed } = await placed('tok_ok', world);
    expect(await vendOf(bed)).toMatchObject({ reason: 'machine_unknown' });
  });
});

describe('a vend that comes to nothing', () => {
  it('gives up its piece where the payment is declined', async () => {
    const { bed, world } = await placed('tok_declined');
    const vend = await vendOf(bed);
    expect(vend).toMatchObject({ status: 'cancelled', reason: 'payment_failed' });
    expect(steps(vend)).toEqual(['claim done', 'authorize declined', 'unclaim done']);
    expect(vend.story.steps[1]).toMatchObject({ reason: 'insufficient_funds' });
    expect(world.outcome()).toEqual({ gone: false, paid: false });
    expect(await slotIn(bed)).toMatchObject({ quantity: 3, claimed: 0 });
  });

  it('gives back the money where the stock has no piece', async () => {
    const world = new World();
    world.pieces.set('tea', 0);
    const { bed } = await placed('tok_ok', world);
    const vend = await vendOf(bed);
    expect(vend).toMatchObject({ status: 'cancelled', reason: 'out_of_stock' });
    expect(steps(vend).slice(2)).toEqual(['reserve refused', 'void done', 'unclaim done']);
    expect(world.money.get('v1')).toBe('voided');
    expect(await slotIn(bed)).toMatchObject({ claimed: 0 });
  });

  it('undoes all where nobody knows whether the money is kept ready', async () => {
    const { bed, world } = await placed('tok_timeout');
    const vend = await vendOf(bed);
    expect(vend).toMatchObject({ status: 'cancelled', reason: 'payment_unknown' });
    expect(steps(vend).slice(1)).toEqual([
      ...['authorize unknown', 'release done', 'void done', 'unclaim done'],
    ]);
    expect(world.outcome()).toEqual({ gone: false, paid: false });
  });

  it('is cancelled where its machine cannot be told', async () => {
    const world = new World();
    world.breaks('sendCommand', notFound('device'));
    const { bed } = await placed('tok_ok', world);
    const vend = await vendOf(bed);
    expect(vend).toMatchObject({ status: 'cancelled', reason: 'machine_offline' });
    expect(vend.story.steps[3]).toMatchObject({ step: 'dispense', reason: 'not_found' });
    expect(world.outcome()).toEqual({ gone: false, paid: false });
    expect(await slotIn(bed)).toEqual({ quantity: 3, claimed: 0, fault: undefined });
  });

  it('is cancelled, and its slot suspect, where nobody knows whether its machine was told', async () => {
    const world = new World();
    world.breaks('sendCommand', silent(Code.UNAVAILABLE), 3);
    const bed = await bedWith([pending()], world);
    expect(await place(bed)).toBe('RETRY');
    expect(await vendOf(bed)).toMatchObject({ status: 'dispensing' });
    world.clock.advance(31_000);
    expect(await place(bed)).toBe('SUCCESS');
    expect(await vendOf(bed)).toMatchObject({ status: 'cancelled', reason: 'machine_silent' });
    expect(world.outcome()).toEqual({ gone: false, paid: false });
    expect(await slotIn(bed)).toEqual({ quantity: 3, claimed: 0, fault: 'suspect' });
  });

  it('leaves its token nowhere', async () => {
    for (const token of ['tok_declined', 'tok_timeout']) {
      const { bed } = await placed(token);
      expect(JSON.stringify([...bed.memory.documents, bed.memory.events])).not.toContain('tok_');
    }
  });
});

test('of two buyers of the last piece in a slot one gets it', async () => {
  const bed = await bedWith([pending(), pending('tok_ok', 'v2')], new World(), machine(1));
  await Promise.all([place(bed), place(bed, 'v2')]);
  const both = await Promise.all([vendOf(bed), vendOf(bed, 'v2')]);
  expect(both.map(({ status }) => status).sort()).toEqual(['cancelled', 'dispensing']);
  expect(both.find(({ status }) => status === 'cancelled')?.reason).toBe('out_of_stock');
});

test('a piece that was given up can be bought by the next', async () => {
  const bed = await bedWith(
    [pending('tok_declined'), pending('tok_ok', 'v2')],
    new World(),
    machine(1),
  );
  await place(bed);
  await place(bed, 'v2');
  expect(await vendOf(bed, 'v2')).toMatchObject({ status: 'dispensing' });
});

test.each(['tok_ok', 'tok_declined', 'tok_flaky', 'tok_timeout'])(
  'carrying out a vend is crash safe: %s',
  async (token) => {
    await expectCrashSafe(
      () => bedWith([pending(token)]),
      (bed) => place(bed),
    );
  },
);

test.each([
  ['is offline', { presence: 'offline' }, undefined],
  ['was moved', { shopId: 'shop_2' }, undefined],
  ['cannot be told', {}, ['sendCommand', notFound('device')] as const],
])('carrying out a vend whose machine %s is crash safe', async (_, more, fault) => {
  await expectCrashSafe(
    () => {
      const world = Object.assign(new World(), more);
      // each process finds it so
      if (fault !== undefined) world.breaks(...fault, 4);
      return bedWith([pending()], world);
    },
    (bed) => place(bed),
  );
});
