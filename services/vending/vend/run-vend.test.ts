import { describe, expect, it, test } from '@jest/globals';
import { asService } from '#kit/core/caller';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { Code, notFound } from '#kit/core/errors';
import { VendCancelled } from '#contracts/vending';
import {
  ann,
  bedWith,
  machine,
  pendingVend,
  runVend,
  afterRun,
  slotIn,
  stepsOf,
  vendIn,
} from '../testing/fixtures';
import { FakeServices, seller, failure } from '../testing/fake-services';

const location = { vendId: 'v1', machineId: 'm1', shopId: 'shop_1', slot: 'A1', productId: 'tea' };

describe('a vend without obstacles', () => {
  it('waits for its machine with an authorised payment and a reserved piece', async () => {
    const { bed, services } = await afterRun();
    const vend = await vendIn(bed);
    expect(vend).toMatchObject({ status: 'dispensing', expiresAt: '2026-01-01T00:00:30.000Z' });
    expect(stepsOf(vend)).toEqual(['claim done', 'authorize done', 'reserve done']);
    expect(services.money.get('v1')).toBe('authorised');
    expect(services.stock.get('v1')).toBe('held');
    expect(await slotIn(bed)).toEqual({ quantity: 3, claimed: 1, fault: undefined });
    expect(bed.memory.events).toEqual([]);
  });

  it('sends its machine a command with the slot and the time of its expiry', async () => {
    const { bed } = await afterRun();
    const command = bed.memory.calls.find(({ method }) => method === 'sendCommand')?.request;
    expect(command).toMatchObject({
      commandId: 'v1',
      deviceId: 'm1',
      name: 'dispense',
      arguments: { slot: 'A1', productId: 'tea', quantity: 1 },
      expiresAt: { seconds: BigInt(Date.parse('2026-01-01T00:00:30Z') / 1000) },
    });
  });

  it('does not keep its payment token after the authorisation', async () => {
    const { bed } = await afterRun();
    expect(JSON.stringify([...bed.memory.documents, bed.memory.events])).not.toContain('tok_');
  });

  it('is in the lists of its buyer and of its machine', async () => {
    const { bed } = await afterRun();
    const { lists } = bed.context(asService());
    expect(await lists.byUser.page('ann', 1, 20)).toMatchObject({ items: ['v1'] });
    expect(await lists.byMachine.page('m1', 1, 20)).toMatchObject({ items: ['v1'] });
    const { items } = await bed.call('listVends', {}, { caller: ann });
    expect(items).toMatchObject([{ vendId: 'v1', status: 'dispensing', userId: 'ann' }]);
  });

  it('retries the authorisation while payment is unavailable', async () => {
    const { bed } = await afterRun('tok_flaky');
    expect(await vendIn(bed)).toMatchObject({ status: 'dispensing' });
    expect(bed.callCount('payment', 'authorize')).toBe(3);
  });
});

describe('a vend is refused before its payment is authorised', () => {
  const refusedVends = [
    { when: 'if its machine is offline', reason: 'machine_offline', presence: 'offline' },
    { when: 'if its machine was never online', reason: 'machine_unknown', presence: 'unknown' },
    { when: 'if its slot is empty', reason: 'out_of_stock', stored: machine(0) },
  ];
  it.each(refusedVends)('$when', async ({ reason, presence = 'online', stored = machine() }) => {
    const services = new FakeServices();
    services.presence = presence;
    const { bed } = await afterRun('tok_ok', services, stored);
    const vend = await vendIn(bed);
    expect(vend).toMatchObject({ status: 'cancelled', reason });
    expect(stepsOf(vend)).toEqual(['claim refused']);
    expect(bed.memory.calls.map(({ appId }) => appId)).toEqual(['shop', 'iot-gateway']);
    expect(bed.published(VendCancelled)).toEqual([
      { ...location, quantity: 1, userId: 'ann', reason },
    ]);
    expect(vend.story.events).toMatchObject([{ type: 'vend.cancelled' }]);
  });

  it('if its slot is faulty', async () => {
    const stored = machine();
    const [slot, ...others] = stored.slots;
    const jammed = { ...slot!, fault: { code: 'jammed', since: stored.updatedAt } };
    const { bed } = await afterRun('tok_ok', new FakeServices(), {
      ...stored,
      slots: [jammed, ...others],
    });
    expect(await vendIn(bed)).toMatchObject({ status: 'cancelled', reason: 'slot_faulty' });
    expect(bed.callCount('payment', 'authorize')).toBe(0);
  });

  it('if the product of its slot has changed', async () => {
    const bed = await bedWith([{ ...pendingVend(), productId: 'gum' }]);
    await runVend(bed);
    expect(await vendIn(bed)).toMatchObject({ status: 'cancelled', reason: 'slot_changed' });
  });

  it('if its machine has moved to another shop, until that shop sets a planogram', async () => {
    const services = new FakeServices();
    services.shopId = 'shop_2';
    const { bed } = await afterRun('tok_ok', services);
    expect(await vendIn(bed)).toMatchObject({ status: 'cancelled', reason: 'machine_moved' });
    const slots = [{ slot: 'A1', productId: 'tea', capacity: 10 }];
    await bed.call('setPlanogram', { machineId: 'm1', slots }, { caller: seller });
    const request = { machineId: 'm1', slot: 'A1', payment: { method: 'card', token: 'tok_ok' } };
    const vend = await bed.call('startVend', request, { caller: ann });
    expect(vend).toMatchObject({ status: 'dispensing', shopId: 'shop_2' });
  });

  it('if the presence of its machine is unavailable for longer than a buyer waits', async () => {
    const services = new FakeServices();
    const bed = await bedWith([pendingVend()], services);
    services.failNext('getPresence', failure(Code.UNAVAILABLE), 3);
    expect(await runVend(bed)).toBe('PARKED');
    expect(await vendIn(bed)).toMatchObject({ status: 'pending' });
    services.clock.advance(10_000);
    expect(await runVend(bed)).toBe('SUCCESS');
    expect(await vendIn(bed)).toMatchObject({ status: 'cancelled', reason: 'machine_unknown' });
  });

  it('if its machine is not registered', async () => {
    const services = new FakeServices();
    services.failNext('getPresence', notFound('device'));
    const { bed } = await afterRun('tok_ok', services);
    expect(await vendIn(bed)).toMatchObject({ reason: 'machine_unknown' });
  });
});

describe('a vend that fails', () => {
  it('releases its claim if the payment is declined', async () => {
    const { bed, services } = await afterRun('tok_declined');
    const vend = await vendIn(bed);
    expect(vend).toMatchObject({ status: 'cancelled', reason: 'payment_failed' });
    expect(stepsOf(vend)).toEqual(['claim done', 'authorize declined', 'unclaim done']);
    expect(vend.story.steps[1]).toMatchObject({ reason: 'insufficient_funds' });
    expect(services.outcome()).toEqual({ sold: false, paid: false });
    expect(await slotIn(bed)).toMatchObject({ quantity: 3, claimed: 0 });
  });

  it('voids the payment if the stock is empty', async () => {
    const services = new FakeServices();
    services.pieces.set('tea', 0);
    const { bed } = await afterRun('tok_ok', services);
    const vend = await vendIn(bed);
    expect(vend).toMatchObject({ status: 'cancelled', reason: 'out_of_stock' });
    expect(stepsOf(vend).slice(2)).toEqual(['reserve refused', 'void done', 'unclaim done']);
    expect(services.money.get('v1')).toBe('voided');
    expect(await slotIn(bed)).toMatchObject({ claimed: 0 });
  });

  it('runs all compensations if the outcome of the authorisation is unknown', async () => {
    const { bed, services } = await afterRun('tok_timeout');
    const vend = await vendIn(bed);
    expect(vend).toMatchObject({ status: 'cancelled', reason: 'payment_unknown' });
    expect(stepsOf(vend).slice(1)).toEqual([
      'authorize unknown',
      'release done',
      'void done',
      'unclaim done',
    ]);
    expect(services.outcome()).toEqual({ sold: false, paid: false });
  });

  it('is cancelled if the command is refused', async () => {
    const services = new FakeServices();
    services.failNext('sendCommand', notFound('device'));
    const { bed } = await afterRun('tok_ok', services);
    const vend = await vendIn(bed);
    expect(vend).toMatchObject({ status: 'cancelled', reason: 'machine_offline' });
    expect(vend.story.steps[3]).toMatchObject({ step: 'dispense', reason: 'not_found' });
    expect(services.outcome()).toEqual({ sold: false, paid: false });
    expect(await slotIn(bed)).toEqual({ quantity: 3, claimed: 0, fault: undefined });
  });

  it('is cancelled, and its slot suspect, if it is unknown whether the command was sent', async () => {
    const services = new FakeServices();
    services.failNext('sendCommand', failure(Code.UNAVAILABLE), 3);
    const bed = await bedWith([pendingVend()], services);
    expect(await runVend(bed)).toBe('PARKED');
    expect(await vendIn(bed)).toMatchObject({ status: 'dispensing' });
    services.clock.advance(31_000);
    expect(await runVend(bed)).toBe('SUCCESS');
    expect(await vendIn(bed)).toMatchObject({ status: 'cancelled', reason: 'machine_silent' });
    expect(services.outcome()).toEqual({ sold: false, paid: false });
    expect(await slotIn(bed)).toEqual({ quantity: 3, claimed: 0, fault: 'suspect' });
  });

  it('leaves its payment token nowhere', async () => {
    for (const token of ['tok_declined', 'tok_timeout']) {
      const { bed } = await afterRun(token);
      expect(JSON.stringify([...bed.memory.documents, bed.memory.events])).not.toContain('tok_');
    }
  });
});

test('one of two concurrent buyers gets the last piece of a slot', async () => {
  const bed = await bedWith(
    [pendingVend(), pendingVend('tok_ok', 'v2')],
    new FakeServices(),
    machine(1),
  );
  await Promise.all([runVend(bed), runVend(bed, 'v2')]);
  const both = await Promise.all([vendIn(bed), vendIn(bed, 'v2')]);
  expect(both.map(({ status }) => status).sort()).toEqual(['cancelled', 'dispensing']);
  expect(both.find(({ status }) => status === 'cancelled')?.reason).toBe('out_of_stock');
});

test('a piece whose claim was released can be sold to the next buyer', async () => {
  const bed = await bedWith(
    [pendingVend('tok_declined'), pendingVend('tok_ok', 'v2')],
    new FakeServices(),
    machine(1),
  );
  await runVend(bed);
  await runVend(bed, 'v2');
  expect(await vendIn(bed, 'v2')).toMatchObject({ status: 'dispensing' });
});

test.each(['tok_ok', 'tok_declined', 'tok_flaky', 'tok_timeout'])(
  'running a vend is crash safe: %s',
  async (token) => {
    await expectCrashSafe(
      () => bedWith([pendingVend(token)]),
      (bed) => runVend(bed),
    );
  },
);

test.each([
  ['is offline', { presence: 'offline' }, undefined],
  ['has moved', { shopId: 'shop_2' }, undefined],
  ['refuses the command', {}, ['sendCommand', notFound('device')] as const],
])('running a vend whose machine %s is crash safe', async (_, more, fault) => {
  await expectCrashSafe(
    () => {
      const services = Object.assign(new FakeServices(), more);
      // often enough for every process of the test
      if (fault !== undefined) services.failNext(...fault, 4);
      return bedWith([pendingVend()], services);
    },
    (bed) => runVend(bed),
  );
});
