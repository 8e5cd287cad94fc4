import { describe, expect, it } from '@jest/globals';
import type { Caller } from '#kit/core/caller';
import { Code } from '#kit/core/errors';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { FakeServices, seller } from '../testing/fake-services';
import { type Bed, afterRun, ann, bedOver, bedWith, slotIn } from '../testing/fixtures';

const admin: Caller = { userId: 'root', role: 'admin', tenantId: 'default' };
const otherSeller: Caller = { ...seller, userId: 'sally' };
const slots = [
  { slot: 'A1', productId: 'tea', capacity: 8 },
  { slot: 'A2', productId: 'gum', capacity: 5, price: { amount: '1.20', currency: 'EUR' } },
];
const plan = (
  bed: Bed,
  more: Partial<Record<'machineId' | 'slots', unknown>> = {},
  caller = seller,
) => bed.call('setPlanogram', { machineId: 'm1', slots, ...more } as never, { caller, id: 'plan' });
const fresh = () => bedOver(new FakeServices());

describe('a planogram', () => {
  it('defines the slots of a machine, which are empty at first', async () => {
    const bed = fresh();
    const machine = await plan(bed);
    expect(machine).toMatchObject({
      machineId: 'm1',
      shopId: 'shop_1',
      slots: slots.map((slot) => ({ ...slot, quantity: 0 })),
    });
    expect(await bed.call('getMachine', { machineId: 'm1' }, { caller: ann })).toEqual(machine);
    const listed = await bed.call('listMachines', { shopId: 'shop_1' }, { caller: ann });
    expect(listed).toMatchObject({ items: [machine], page: 1, limit: 20, total: 1 });
  });

  it('keeps the pieces in a slot whose product does not change', async () => {
    const bed = await bedWith([]);
    const [tea, gum] = slots;
    await plan(bed, { slots: [tea, { ...gum, slot: 'C3' }] });
    expect(await slotIn(bed)).toMatchObject({ quantity: 3 });
    expect(await slotIn(bed, 'C3')).toMatchObject({ quantity: 0 });
    await expect(slotIn(bed, 'B2')).rejects.toThrow('does not exist');
  });

  it('cannot change a slot while it is selling a piece', async () => {
    const { bed } = await afterRun();
    for (const product of [[{ ...slots[0], productId: 'gum' }], [slots[1]]]) {
      await expect(plan(bed, { slots: product })).rejects.toMatchObject({
        details: { reason: 'vend_under_way' },
      });
    }
    await plan(bed);
    expect(await slotIn(bed)).toEqual({ quantity: 3, claimed: 1, fault: undefined });
  });

  it('cannot reduce the capacity of a slot below its number of pieces', async () => {
    const bed = await bedWith([]);
    await expect(plan(bed, { slots: [{ ...slots[0], capacity: 2 }] })).rejects.toMatchObject({
      details: { reason: 'slot_too_full' },
    });
  });

  it.each([
    ['no slots', [], 'slots'],
    ['a slot twice', [slots[0], slots[0]], 'slots.1.slot appears twice'],
    ['an invalid slot name', [{ ...slots[0], slot: 'A/1' }], 'slots.0.slot'],
    ['no capacity', [{ ...slots[0], capacity: 0 }], 'slots.0.capacity'],
    [
      'a price of zero',
      [{ ...slots[0], price: { amount: '0.00', currency: 'EUR' } }],
      'slots.0.price.amount must be more than 0',
    ],
    [
      'a product that the shop does not sell',
      [slots[0], { ...slots[1], productId: 'nothing' }],
      'slots.1.productId is not sold in this shop',
    ],
    [
      'two currencies',
      [slots[0], { slot: 'A2', productId: 'fig', capacity: 1 }],
      'slots must all be priced in one currency',
    ],
  ])('is refused with %s', async (_, wrong, message) => {
    const bed = fresh();
    await expect(plan(bed, { slots: wrong })).rejects.toMatchObject({
      code: Code.INVALID_ARGUMENT,
      message: expect.stringContaining(message),
    });
    expect(bed.memory.documents.size).toBe(0);
  });

  it.each([
    ['is not a vending machine', 'shelf', 'no_vending_machine'],
    ['is retired', 'old', 'retired'],
  ])('is refused for a device that %s', async (_, machineId, reason) => {
    await expect(plan(fresh(), { machineId })).rejects.toMatchObject({ details: { reason } });
  });

  it('can be set by sellers of the shop and by admins', async () => {
    await expect(plan(fresh(), {}, admin)).resolves.toMatchObject({ machineId: 'm1' });
    await expect(plan(fresh(), {}, otherSeller)).rejects.toMatchObject({ code: Code.NOT_FOUND });
    await expect(plan(fresh(), {}, ann)).rejects.toMatchObject({ code: Code.PERMISSION_DENIED });
  });

  it('is crash safe', async () => {
    await expectCrashSafe(fresh, plan);
  });
});

it('a machine without a planogram is not found', async () => {
  const bed = fresh();
  await expect(bed.call('getMachine', { machineId: 'm1' })).rejects.toMatchObject({
    code: Code.NOT_FOUND,
  });
  expect(await bed.call('listMachines', { shopId: 'shop_1' })).toMatchObject({ items: [] });
});
