import { describe, expect, it } from '@jest/globals';
import { StockUpdated } from '#contracts/inventory';
import { Code } from '#kit/core/errors';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { type Bed, order, reserved, stockOf } from './testing';

const returned = {
  returnId: 'return_1',
  orderId: 'o1',
  shopId: 'shop_1',
  items: [
    { productId: 'pen', quantity: 2 },
    { productId: 'ink', quantity: 1 },
  ],
};
const takeBack = (bed: Bed, id = 'take') => bed.call('takeBack', returned, { id });

async function sold(): Promise<Bed> {
  const bed = await reserved();
  await bed.call('commit', order);
  return bed;
}

describe('returned pieces', () => {
  it('are available again, and their sale stays a sale', async () => {
    const bed = await sold();
    await takeBack(bed);
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 10, sold: 2, received: 12 });
    expect(bed.published(StockUpdated).slice(-2)).toMatchObject([
      { productId: 'ink', change: 1, reason: 'returned', orderId: 'o1' },
      { productId: 'pen', change: 2, reason: 'returned', orderId: 'o1' },
    ]);
  });

  it('are added once for a return, whichever execution requests it', async () => {
    const bed = await sold();
    for (const id of ['a', 'a', 'b']) await takeBack(bed, id);
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 10 });
  });

  it('are taken back for services only', async () => {
    const bed = await sold();
    const caller = { userId: 'ada', role: 'admin', tenantId: 'default' } as const;
    await expect(bed.call('takeBack', returned, { caller })).rejects.toMatchObject({
      code: Code.PERMISSION_DENIED,
    });
  });

  it('are taken back crash safe', async () => {
    await expectCrashSafe(sold, (bed) => takeBack(bed));
  });
});
