import { describe, expect, it } from '@jest/globals';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { SlotFaulted } from '#contracts/vending';
import { type Bed, bedIn, bedWith, faults, machine, slotIn } from './testing';
import { seller, World } from './testing-world';

const jammed = [{ code: 'jammed', slot: 'A1' }];
const at = (minute: number) => `2026-01-01T00:0${minute}:00.000Z`;
const said = (bed: Bed) => bed.published(SlotFaulted).map(({ slot, fault }) => `${slot} ${fault}`);
const restock = (bed: Bed, quantity = 0) =>
  bed.call('restock', { machineId: 'm1', slot: 'A1', quantity }, { caller: seller });

describe('a slot that its machine tells is faulty', () => {
  it('sells nothing more, which is said once', async () => {
    const bed = await bedWith([]);
    await faults(bed, jammed);
    await faults(bed, jammed, 2, at(1));
    expect(await slotIn(bed)).toMatchObject({ fault: 'jammed' });
    expect(await slotIn(bed, 'B2')).toMatchObject({ fault: undefined });
    expect(bed.published(SlotFaulted)).toEqual([
      {
        ...{ machineId: 'm1', shopId: 'shop_1', slot: 'A1', productId: 'tea' },
        fault: 'jammed',
      },
    ]);
  });

  it('sells again once the machine does not tell of it any more', async () => {
    const bed = await bedWith([]);
    await faults(bed, jammed);
    await faults(bed, [{ code: 'empty_coin_tube' }], 2, at(1));
    expect(await slotIn(bed)).toMatchObject({ fault: undefined });
    await faults(bed, jammed, 3, at(2));
    expect(said(bed)).toEqual(['A1 jammed', 'A1 jammed']);
  });

  it('sells again once somebody has seen to it', async () => {
    const bed = await bedWith([]);
    await faults(bed, jammed);
    await restock(bed);
    expect(await slotIn(bed)).toEqual({ quantity: 3, claimed: 0, fault: undefined });
  });

  it('may get another fault', async () => {
    const bed = await bedWith([]);
    await faults(bed, jammed);
    await faults(bed, [{ code: 'motor_broken', slot: 'A1' }], 2, at(1));
    expect(said(bed)).toEqual(['A1 jammed', 'A1 motor_broken']);
  });

  it('is not known where it was never planned', async () => {
    const bed = await bedWith([]);
    await faults(bed, [{ code: 'jammed', slot: 'Z9' }]);
    expect(said(bed)).toEqual([]);
    expect(await faults(bedIn(new World()), jammed)).toBe('SUCCESS');
  });
});

describe('a report of faults that comes late', () => {
  it('changes nothing where a newer one was heard', async () => {
    const bed = await bedWith([]);
    await faults(bed, [], 2, at(2));
    await faults(bed, jammed, 1, at(1));
    expect(await slotIn(bed)).toMatchObject({ fault: undefined });
    // of another start of the machine, by its time
    await faults(bed, jammed, 9, at(1), 'b0');
    expect(await slotIn(bed)).toMatchObject({ fault: undefined });
    await faults(bed, jammed, 1, at(3), 'b2');
    expect(await slotIn(bed)).toMatchObject({ fault: 'jammed' });
    expect(said(bed)).toEqual(['A1 jammed']);
  });

  it('clears nothing that was found out after it was told', async () => {
    const planned = machine();
    const [slot, ...others] = planned.slots;
    const suspect = { ...slot!, fault: { code: 'suspect', since: at(2) } };
    const bed = await bedWith([], new World(), { ...planned, slots: [suspect, ...others] });
    await faults(bed, [], 1, at(1));
    expect(await slotIn(bed)).toMatchObject({ fault: 'suspect' });
    await faults(bed, [], 2, at(2));
    expect(await slotIn(bed)).toMatchObject({ fault: undefined });
  });
});

it('a report of faults is crash safe', async () => {
  await expectCrashSafe(
    () => bedWith([]),
    (bed) => faults(bed, [...jammed, { code: 'motor_broken', slot: 'B2' }]),
  );
});
