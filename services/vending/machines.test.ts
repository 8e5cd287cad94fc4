import { describe, expect, it } from '@jest/globals';
import type { Caller } from '#kit/core/caller';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { Code } from '#kit/core/errors';
import { type Bed, ann, bedIn, bedWith, pending, place, placed, slotIn, vendOf } from './testing';
import { World, seller } from './testing-world';

const admin: Caller = { userId: 'root', role: 'admin', tenantId: 'default' };
const other: Caller = { ...seller, userId: 'sally' };
const slots = [
  { slot: 'A1', productId: 'tea', capacity: 8 },
  { slot: 'A2', productId: 'gum', capacity: 5, price: { amount: '1.20', currency: 'EUR' } },
];
const plan = (
  bed: Bed,
  more: Partial<Record<'machineId' | 'slots', unknown>> = {},
  caller = seller,
) => bed.call('setPlanogram', { machineId: 'm1', slots, ...more } as never, { caller, id: 'plan' });
const restock = (bed: Bed, quantity: number, more = {}, id = 'restock', caller = seller) =>
  bed.call('restock', { machineId: 'm1', slot: 'A1', quantity, ...more }, { caller, id });
const fresh = () => bedIn(new World());

describe('a planogram', () => {
  it('tells what is to be in a machine, which begins empty', async () => {
    const bed = fresh();
    const machine = await plan(bed);
    expect(machine).toMatchObject({
      ...{ machineId: 'm1', shopId: 'shop_1' },
      slots: slots.map((slot) => ({ ...slot, quantity: 0 })),
    });
    expect(await bed.call('getMachine', { machineId: 'm1' }, { caller: ann })).toEqual(machine);
    const listed = await bed.call('listMachines', { shopId: 'shop_1' }, { caller: ann });
    expect(listed).toMatchObject({ items: [machine], page: 1, limit: 20, total: 1 });
  });

  it('set anew keeps what is in a slot whose product stays', async () => {
    const bed = await bedWith([]);
    const [tea, gum] = slots;
    await plan(bed, { slots: [tea, { ...gum, slot: 'C3' }] });
    expect(await slotIn(bed)).toMatchObject({ quantity: 3 });
    expect(await slotIn(bed, 'C3')).toMatchObject({ quantity: 0 });
    await expect(slotIn(bed, 'B2')).rejects.toThrow('no slot');
  });

  it('changes no slot out of which something is sold at the time', async () => {
    const { bed } = await placed();
    for (const product of [[{ ...slots[0], productId: 'gum' }], [slots[1]]]) {
      await expect(plan(bed, { slots: product })).rejects.toMatchObject({
        details: { reason: 'vend_under_way' },
      });
    }
    await plan(bed);
    expect(await slotIn(bed)).toEqual({ quantity: 3, claimed: 1, fault: undefined });
  });

  it('has room for what is in a slot', async () => {
    const bed = await bedWith([]);
    await expect(plan(bed, { slots: [{ ...slots[0], capacity: 2 }] })).rejects.toMatchObject({
      details: { reason: 'slot_too_full' },
    });
  });

  it.each([
    ['no slots', [], 'slots'],
    ['a slot twice', [slots[0], slots[0]], 'slots.1.slot is there twice'],
    ['a slot of no name', [{ ...slots[0], slot: 'A/1' }], 'slots.0.slot'],
    ['no capacity', [{ ...slots[0], capacity: 0 }], 'slots.0.capacity'],
    [
      'a price of nothing',
      [{ ...slots[0], price: { amount: '0.00', currency: 'EUR' } }],
      'slots.0.price.amount must be more than 0',
    ],
    [
      'what is not sold in the shop',
      [slots[0], { ...slots[1], productId: 'nothing' }],
      'slots.1.productId is not sold in this shop',
    ],
    [
      'two currencies',
      [slots[0], { slot: 'A2', productId: 'fig', capacity: 1 }],
      'slots must all be priced in one currency',
    ],
  ])('with %s is refused', async (_, wrong, message) => {
    const bed = fresh();
    await expect(plan(bed, { slots: wrong })).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      message: expect.stringContaining(message),
    });
    expect(bed.memory.documents.size).toBe(0);
  });

  it.each([
    ['is no vending machine', 'shelf', 'no_vending_machine'],
    ['is retired', 'old', 'retired'],
  ])('of a device that %s is refused', async (_, machineId, reason) => {
    await expect(plan(fresh(), { machineId })).rejects.toMatchObject({ details: { reason } });
  });

  it('is for who sells in the shop, and for admins', async () => {
    await expect(plan(fresh(), {}, admin)).resolves.toMatchObject({ machineId: 'm1' });
    await expect(plan(fresh(), {}, other)).rejects.toMatchObject({ code: Code.NOT_FOUND });
    await expect(plan(fresh(), {}, ann)).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
  });

  it('is crash safe', async () => {
    await expectCrashSafe(fresh, plan);
  });
});

describe('a slot that is restocked', () => {
  it('has that many more, or fewer', async () => {
    const bed = await bedWith([]);
    await restock(bed, 4);
    expect(await slotIn(bed)).toMatchObject({ quantity: 7 });
    await restock(bed, -2, {}, 'taken out');
    expect(await slotIn(bed)).toMatchObject({ quantity: 5 });
  });

  it('is restocked once, however often it is asked for under the same key', async () => {
    const bed = await bedWith([]);
    for (let times = 0; times < 3; times++) await restock(bed, 4);
    expect(await slotIn(bed)).toMatchObject({ quantity: 7 });
  });

  it('sells again', async () => {
    const bed = await bedWith([pending(), pending('tok_ok', 'v2')]);
    await restock(bed, -3);
    await place(bed);
    expect(await vendOf(bed)).toMatchObject({ reason: 'out_of_stock' });
    await restock(bed, 1, {}, 'filled');
    await place(bed, 'v2');
    expect(await vendOf(bed, 'v2')).toMatchObject({ status: 'dispensing' });
  });

  it.each([
    ['has no room', 8, 'slot_too_full'],
    ['has fewer', -4, 'slot_too_empty'],
  ])('stays as it is where it %s', async (_, quantity, reason) => {
    const bed = await bedWith([]);
    await expect(restock(bed, quantity)).rejects.toMatchObject({ details: { reason } });
    expect(await slotIn(bed)).toMatchObject({ quantity: 3 });
  });

  it('keeps what is being sold', async () => {
    const { bed } = await placed();
    await expect(restock(bed, -3)).rejects.toMatchObject({
      message: 'only 2 pieces of slot A1 are free',
    });
    await restock(bed, -2, {}, 'fewer');
    expect(await slotIn(bed)).toMatchObject({ quantity: 1, claimed: 1 });
  });

  it('must be there', async () => {
    const bed = await bedWith([]);
    await expect(restock(bed, 1, { slot: 'Z9' })).rejects.toMatchObject({
      message: 'slot is no slot of this machine',
    });
    await expect(restock(bed, 1, { machineId: 'm2' })).rejects.toMatchObject({
      code: Code.NOT_FOUND,
    });
    await expect(restock(bed, 1001)).rejects.toMatchObject({
      message: expect.stringContaining('quantity'),
    });
  });

  it('is for who sells in the shop, and for admins', async () => {
    const bed = await bedWith([]);
    await expect(restock(bed, 1, {}, 'a', other)).rejects.toMatchObject({ code: Code.NOT_FOUND });
    await expect(restock(bed, 1, {}, 'b', ann)).rejects.toMatchObject({
      code: Code.PERMISSION_DENIED,
    });
  });

  it('is crash safe', async () => {
    await expectCrashSafe(
      () => bedWith([]),
      (bed) => restock(bed, 4),
    );
  });
});

it('a machine that nobody planned is not found', async () => {
  const bed = fresh();
  await expect(bed.call('getMachine', { machineId: 'm1' })).rejects.toMatchObject({
    code: Code.NOT_FOUND,
  });
  expect(await bed.call('listMachines', { shopId: 'shop_1' })).toMatchObject({ items: [] });
});
