import { describe, expect, it, jest } from '@jest/globals';
import type { Caller } from '#kit/core/caller';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { Code, unavailable } from '#kit/core/errors';
import type { CallOptions } from '#kit/testing/testbed';
import { type Bed, ann, answer, bedWith, machine, slotIn } from './testing';
import { World, price, seller } from './testing-world';

const wish = (token = 'tok_ok', more = {}) => ({
  ...{ machineId: 'm1', slot: 'A1', payment: { method: 'card', token } },
  ...more,
});
const start = (bed: Bed, wanted: object = wish(), given: CallOptions = {}) =>
  bed.call('startVend', wanted, { caller: ann, id: 'key', ...given });
const bob: Caller = { ...ann, userId: 'bob' };

describe('buying out of a machine', () => {
  it('answers how far it has come: its machine is told', async () => {
    const bed = await bedWith([]);
    const vend = await start(bed);
    expect(vend).toMatchObject({
      ...{ machineId: 'm1', shopId: 'shop_1', slot: 'A1', productId: 'tea', quantity: 1, price },
      ...{ channel: 'cashless', status: 'dispensing', userId: 'ann' },
    });
    await answer(bed, 'acknowledged', { commandId: vend.vendId });
    const { vendId } = vend;
    expect(await bed.call('getVend', { vendId }, { caller: ann })).toMatchObject({
      status: 'completed',
    });
    // asked again, it is the same vend
    expect(await start(bed)).toMatchObject({ vendId, status: 'completed' });
    expect(await slotIn(bed)).toMatchObject({ quantity: 2 });
  });

  it('costs what the slot says, or else the shop', async () => {
    const bed = await bedWith([]);
    expect(await start(bed, wish('tok_ok', { slot: 'B2' }))).toMatchObject({
      price: { amount: '1.20', currency: 'EUR' },
    });
  });

  it('answers why it came to nothing', async () => {
    const bed = await bedWith([], new World(), machine(0));
    expect(await start(bed)).toMatchObject({ status: 'cancelled', reason: 'out_of_stock' });
  });

  it('answers at once where nobody waits', async () => {
    const bed = await bedWith([]);
    expect(await start(bed, wish(), { respondAsync: true })).toMatchObject({ status: 'pending' });
    await bed.settle();
    expect(await start(bed)).toMatchObject({ status: 'dispensing' });
  });

  it.each([
    ['its machine', { machineId: 'm2' }, Code.NOT_FOUND, 'machine not found'],
    ['its slot', { slot: 'Z9' }, Code.INVALID_ARGUMENT, 'slot is no slot of this machine'],
  ])('is refused where nobody knows %s', async (_, more, code, message) => {
    const bed = await bedWith([]);
    await expect(start(bed, wish('tok_ok', more))).rejects.toMatchObject({ code, message });
  });

  it('is refused where the shop does not sell it any more', async () => {
    const planned = machine();
    const [slot] = planned.slots;
    const gone = { ...planned, slots: [{ ...slot!, productId: 'gone' }] };
    await expect(start(await bedWith([], new World(), gone))).rejects.toMatchObject({
      message: 'slot holds what the shop does not sell any more',
    });
  });

  it('takes no card number, and does not repeat it', async () => {
    const bed = await bedWith([]);
    const error = await start(bed, wish('4111111111111111')).catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      message: "payment.token must be the payment provider's token, never a card number",
    });
    expect(JSON.stringify(error)).not.toContain('4111');
  });

  it('is for who is logged in', async () => {
    const caller: Caller = { userId: '', role: 'anonymous', tenantId: 'default' };
    await expect(start(await bedWith([]), wish(), { caller })).rejects.toMatchObject({
      code: Code.UNAUTHENTICATED,
    });
  });

  it('is one vend under one key, and no other', async () => {
    const bed = await bedWith([]);
    await Promise.all([start(bed), start(bed)]);
    expect(await slotIn(bed)).toMatchObject({ claimed: 1 });
    await expect(start(bed, wish('tok_ok', { slot: 'B2' }))).rejects.toThrow('Idempotency-Key');
  });

  it.each(['tok_ok', 'tok_declined'])('is crash safe: %s', async (token) => {
    await expectCrashSafe(
      () => bedWith([]),
      (bed) => start(bed, wish(token)),
    );
  });
});

describe('a vend whose command the bus does not acknowledge', () => {
  const DAY_MS = 24 * 3600 * 1000;
  const vendsIn = (bed: Bed) =>
    [...bed.memory.documents].filter(
      ([key, { expires }]) => key.startsWith('vends:') && expires > bed.clock.now(),
    );
  const bedAfter = async () => {
    const bed = await bedWith([]);
    jest
      .spyOn(bed.sidecar, 'publish')
      .mockImplementationOnce(() => Promise.reject(unavailable('no bus')));
    await expect(start(bed)).rejects.toMatchObject({ code: Code.UNAVAILABLE });
    return bed;
  };

  it('is gone after a day, with its token, where nobody asks for it again', async () => {
    const bed = await bedAfter();
    expect(vendsIn(bed)).toHaveLength(1);
    bed.clock.advance(DAY_MS + 1_000);
    expect(vendsIn(bed)).toEqual([]);
  });

  it('is carried out and stays where it is asked for again', async () => {
    const bed = await bedAfter();
    expect(await start(bed)).toMatchObject({ status: 'dispensing' });
    bed.clock.advance(DAY_MS + 1_000);
    expect(vendsIn(bed)).toHaveLength(1);
  });
});

describe('a vend', () => {
  const started = async () => {
    const bed = await bedWith([]);
    return { bed, vendId: (await start(bed)).vendId };
  };

  it('is shown to its buyer, to who sells there, and to admins', async () => {
    const { bed, vendId } = await started();
    const admin: Caller = { ...ann, userId: 'root', role: 'admin' };
    for (const caller of [ann, seller, admin]) {
      expect(await bed.call('getVend', { vendId }, { caller })).toMatchObject({ vendId });
    }
    for (const caller of [bob, { ...seller, userId: 'sally' }, { ...ann, tenantId: 'other' }]) {
      await expect(bed.call('getVend', { vendId }, { caller })).rejects.toMatchObject({
        code: Code.NOT_FOUND,
      });
      await expect(bed.call('getVendStory', { vendId }, { caller })).rejects.toMatchObject({
        code: Code.NOT_FOUND,
      });
    }
  });

  it('tells its story', async () => {
    const { bed, vendId } = await started();
    await answer(bed, 'acknowledged', { commandId: vendId });
    const { steps, events } = await bed.call('getVendStory', { vendId }, { caller: ann });
    expect(steps.map(({ step }) => step)).toEqual([
      ...['claim', 'authorize', 'reserve', 'dispense', 'take', 'commit', 'capture'],
    ]);
    expect(events).toMatchObject([{ type: 'vend.completed' }]);
  });

  it('is listed for its buyer, and with those of its machine for who sells there', async () => {
    const { bed, vendId } = await started();
    const list = (caller: Caller, machineId?: string) =>
      bed.call('listVends', machineId === undefined ? {} : { machineId }, { caller });
    expect(await list(ann)).toMatchObject({ items: [{ vendId }], total: 1 });
    expect(await list(bob)).toMatchObject({ items: [], total: 0 });
    expect(await list(seller, 'm1')).toMatchObject({ items: [{ vendId }] });
    await expect(list(ann, 'm1')).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
    await expect(list({ ...seller, userId: 'sally' }, 'm1')).rejects.toMatchObject({
      code: Code.NOT_FOUND,
    });
  });
});
