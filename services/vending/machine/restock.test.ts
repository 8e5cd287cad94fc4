import { describe, expect, it } from '@jest/globals';
import type { Caller } from '#kit/core/caller';
import { Code } from '#kit/core/errors';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { seller } from '../testing/fake-services';
import {
  type Bed,
  afterRun,
  ann,
  bedWith,
  pendingVend,
  runVend,
  slotIn,
  vendIn,
} from '../testing/fixtures';

const otherSeller: Caller = { ...seller, userId: 'sally' };
const restock = (bed: Bed, quantity: number, more = {}, id = 'restock', caller = seller) =>
  bed.call('restock', { machineId: 'm1', slot: 'A1', quantity, ...more }, { caller, id });

describe('restocking a slot', () => {
  it('adds or removes pieces', async () => {
    const bed = await bedWith([]);
    await restock(bed, 4);
    expect(await slotIn(bed)).toMatchObject({ quantity: 7 });
    await restock(bed, -2, {}, 'taken out');
    expect(await slotIn(bed)).toMatchObject({ quantity: 5 });
  });

  it('happens once when a request is repeated under the same key', async () => {
    const bed = await bedWith([]);
    for (let times = 0; times < 3; times++) await restock(bed, 4);
    expect(await slotIn(bed)).toMatchObject({ quantity: 7 });
  });

  it('lets the slot sell again', async () => {
    const bed = await bedWith([pendingVend(), pendingVend('tok_ok', 'v2')]);
    await restock(bed, -3);
    await runVend(bed);
    expect(await vendIn(bed)).toMatchObject({ reason: 'out_of_stock' });
    await restock(bed, 1, {}, 'filled');
    await runVend(bed, 'v2');
    expect(await vendIn(bed, 'v2')).toMatchObject({ status: 'dispensing' });
  });

  it.each([
    ['exceeds the capacity', 8, 'slot_too_full'],
    ['removes more pieces than it has', -4, 'slot_too_empty'],
  ])('is refused if it %s', async (_, quantity, reason) => {
    const bed = await bedWith([]);
    await expect(restock(bed, quantity)).rejects.toMatchObject({ details: { reason } });
    expect(await slotIn(bed)).toMatchObject({ quantity: 3 });
  });

  it('cannot remove a piece that is claimed', async () => {
    const { bed } = await afterRun();
    await expect(restock(bed, -3)).rejects.toMatchObject({
      message: 'only 2 pieces of slot A1 are free',
    });
    await restock(bed, -2, {}, 'fewer');
    expect(await slotIn(bed)).toMatchObject({ quantity: 1, claimed: 1 });
  });

  it('is refused for an unknown slot or machine, and for too many pieces', async () => {
    const bed = await bedWith([]);
    await expect(restock(bed, 1, { slot: 'Z9' })).rejects.toMatchObject({
      message: 'slot does not exist in this machine',
    });
    await expect(restock(bed, 1, { machineId: 'm2' })).rejects.toMatchObject({
      code: Code.NOT_FOUND,
    });
    await expect(restock(bed, 1001)).rejects.toMatchObject({
      message: expect.stringContaining('quantity'),
    });
  });

  it('is refused for customers and for sellers of other shops', async () => {
    const bed = await bedWith([]);
    await expect(restock(bed, 1, {}, 'a', otherSeller)).rejects.toMatchObject({
      code: Code.NOT_FOUND,
    });
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
