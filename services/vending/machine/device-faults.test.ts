import { describe, expect, it } from '@jest/globals';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { SlotFaulted } from '#contracts/vending';
import { type Bed, bedOver, bedWith, reportFaults, machine, slotIn } from '../testing/fixtures';
import { seller, FakeServices } from '../testing/fake-services';

const jammed = [{ code: 'jammed', slot: 'A1' }];
const at = (minute: number) => `2026-01-01T00:0${minute}:00.000Z`;
const publishedFaults = (bed: Bed) =>
  bed.published(SlotFaulted).map(({ slot, fault }) => `${slot} ${fault}`);
const restock = (bed: Bed, quantity = 0) =>
  bed.call('restock', { machineId: 'm1', slot: 'A1', quantity }, { caller: seller });

describe('a slot that its machine reports as faulty', () => {
  it('is disabled, and that is published once', async () => {
    const bed = await bedWith([]);
    await reportFaults(bed, jammed);
    await reportFaults(bed, jammed, 2, at(1));
    expect(await slotIn(bed)).toMatchObject({ fault: 'jammed' });
    expect(await slotIn(bed, 'B2')).toMatchObject({ fault: undefined });
    expect(bed.published(SlotFaulted)).toEqual([
      {
        machineId: 'm1',
        shopId: 'shop_1',
        slot: 'A1',
        productId: 'tea',
        fault: 'jammed',
      },
    ]);
  });

  it('sells again when the machine no longer reports the fault', async () => {
    const bed = await bedWith([]);
    await reportFaults(bed, jammed);
    await reportFaults(bed, [{ code: 'empty_coin_tube' }], 2, at(1));
    expect(await slotIn(bed)).toMatchObject({ fault: undefined });
    await reportFaults(bed, jammed, 3, at(2));
    expect(publishedFaults(bed)).toEqual(['A1 jammed', 'A1 jammed']);
  });

  it('sells again when it has been restocked', async () => {
    const bed = await bedWith([]);
    await reportFaults(bed, jammed);
    await restock(bed);
    expect(await slotIn(bed)).toEqual({ quantity: 3, claimed: 0, fault: undefined });
  });

  it('can change to another fault', async () => {
    const bed = await bedWith([]);
    await reportFaults(bed, jammed);
    await reportFaults(bed, [{ code: 'motor_broken', slot: 'A1' }], 2, at(1));
    expect(publishedFaults(bed)).toEqual(['A1 jammed', 'A1 motor_broken']);
  });

  it('is ignored if no planogram has it', async () => {
    const bed = await bedWith([]);
    await reportFaults(bed, [{ code: 'jammed', slot: 'Z9' }]);
    expect(publishedFaults(bed)).toEqual([]);
    expect(await reportFaults(bedOver(new FakeServices()), jammed)).toBe('SUCCESS');
  });
});

describe('a late fault report', () => {
  it('changes nothing after a newer report', async () => {
    const bed = await bedWith([]);
    await reportFaults(bed, [], 2, at(2));
    await reportFaults(bed, jammed, 1, at(1));
    expect(await slotIn(bed)).toMatchObject({ fault: undefined });
    await reportFaults(bed, jammed, 9, at(3), 'b0');
    expect(await slotIn(bed)).toMatchObject({ fault: undefined });
  });

  it('of a later start is newer, whatever its time', async () => {
    const bed = await bedWith([]);
    await reportFaults(bed, [], 7, at(5));
    await reportFaults(bed, jammed, 1, at(1), 'b2');
    expect(await slotIn(bed)).toMatchObject({ fault: 'jammed' });
    expect(publishedFaults(bed)).toEqual(['A1 jammed']);
  });

  it('is newer than one that an earlier release stored without its start', async () => {
    const { boot, seq } = { boot: 'b0', seq: 3 };
    const bed = await bedWith([], new FakeServices(), {
      ...machine(),
      reported: { boot, seq, at: at(5) },
    });
    await reportFaults(bed, jammed, 2, at(6), 'b0');
    expect(await slotIn(bed)).toMatchObject({ fault: undefined });
    await reportFaults(bed, jammed, 1, at(1), 'b1');
    expect(await slotIn(bed)).toMatchObject({ fault: 'jammed' });
  });

  it('does not clear a fault that was found after the report was made', async () => {
    const stored = machine();
    const [slot, ...others] = stored.slots;
    const suspect = { ...slot!, fault: { code: 'suspect', since: at(2) } };
    const bed = await bedWith([], new FakeServices(), { ...stored, slots: [suspect, ...others] });
    await reportFaults(bed, [], 1, at(1));
    expect(await slotIn(bed)).toMatchObject({ fault: 'suspect' });
    await reportFaults(bed, [], 2, at(2));
    expect(await slotIn(bed)).toMatchObject({ fault: undefined });
  });

  it('is compared as an instant: :00Z is before :00.300Z', async () => {
    const stored = machine();
    const [slot, ...others] = stored.slots;
    const suspect = { ...slot!, fault: { code: 'suspect', since: '2026-01-01T00:02:00.300Z' } };
    const bed = await bedWith([], new FakeServices(), { ...stored, slots: [suspect, ...others] });
    await reportFaults(bed, [], 1, '2026-01-01T00:02:00Z');
    expect(await slotIn(bed)).toMatchObject({ fault: 'suspect' });
    await reportFaults(bed, [], 2, '2026-01-01T00:02:00.300Z');
    expect(await slotIn(bed)).toMatchObject({ fault: undefined });
  });
});

it('a fault report is crash safe', async () => {
  await expectCrashSafe(
    () => bedWith([]),
    (bed) => reportFaults(bed, [...jammed, { code: 'motor_broken', slot: 'B2' }]),
  );
});
