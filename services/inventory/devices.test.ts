import { describe, expect, it } from '@jest/globals';
import { LowStockAlert, StockDrifted, StockUpdated } from '#contracts/inventory';
import { DeviceDataReceived } from '#contracts/iot-gateway';
import type { EventInput } from '#kit/messages/contract';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { MOST_TOLD } from './shelf';
import { type Bed, asked, deviceMessages, replicaOf, shopWith, stockOf } from './testing';

type Said = EventInput<typeof DeviceDataReceived>;

const place = { shopId: 'shop_1', productId: 'pen' };
const { count, delta, sale, telemetry } = deviceMessages('shelf');

/** A shop with ten pens, of which the shelf told before, and what the clock said then. */
async function counted(pieces = 10, policy: 'tolerance' | 'agreement' | 'report' = 'agreement') {
  const bed = await shopWith({ pen: 10 }, 0, { DRIFT_POLICY: policy });
  await hear(bed, delta(1, 0));
  bed.clock.advance(1_000);
  await hear(bed, count(2, pieces, bed.clock.now()));
  bed.clock.advance(1_000);
  return bed;
}

async function hear(bed: Bed, said: Said, id = idOf(said)) {
  expect(await bed.handleEvent(DeviceDataReceived, said, { id })).toBe('SUCCESS');
}

const idOf = ({ deviceId, dataType, position: { boot, seq } }: Said) =>
  [deviceId, dataType, boot, seq].join(' ');
const now = (bed: Bed) => bed.clock.now();
const available = async (bed: Bed) => (await stockOf(bed, 'pen')).available;

describe('a delta', () => {
  it('adds and takes pieces, and says so', async () => {
    const bed = await counted();
    await hear(bed, delta(3, -4, now(bed)));
    await hear(bed, delta(4, 1, now(bed)));
    expect(await available(bed)).toBe(7);
    expect(bed.published(StockUpdated).slice(-2)).toEqual([
      { ...place, previousStock: 10, newStock: 6, change: -4, reason: 'moved' },
      { ...place, previousStock: 6, newStock: 7, change: 1, reason: 'moved' },
    ]);
  });

  it('is taken once, also under another event', async () => {
    const bed = await counted();
    const again = delta(3, -4, now(bed));
    for (const id of ['e1', 'e1', 'e2']) await hear(bed, again, id);
    expect(await available(bed)).toBe(6);
  });

  it('that is late is taken once', async () => {
    const bed = await counted();
    await hear(bed, delta(4, -1, now(bed)));
    await hear(bed, delta(3, -2, now(bed) - 500));
    await hear(bed, delta(3, -2, now(bed) - 500));
    expect(await available(bed)).toBe(7);
  });

  it('that comes after a count which has seen it changes nothing', async () => {
    const bed = await counted();
    await hear(bed, count(4, 8, now(bed)));
    await hear(bed, count(5, 8, now(bed)));
    await hear(bed, delta(3, -2, now(bed) - 500));
    expect(await available(bed)).toBe(8);
  });

  it('of more than are free is missing, until more are', async () => {
    const bed = await counted();
    await bed.call('reserve', asked('o1', { pen: 3 }));
    await hear(bed, delta(3, -9, now(bed)));
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 0, reserved: 3 });
    expect(bed.published(StockDrifted)).toMatchObject([
      { ...place, by: 'delta', expected: 7, found: 9, corrected: false },
    ]);
    await bed.call('release', asked('o1', { pen: 3 }));
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 1, reserved: 0, received: 1 });
  });

  it('and its opposite come to nothing, whichever comes first', async () => {
    const bed = await counted(10);
    await hear(bed, delta(4, -12, now(bed)));
    await hear(bed, delta(3, 12, now(bed)));
    expect(await available(bed)).toBe(10);
  });

  it('alerts when the stock falls to its minimum', async () => {
    const bed = await shopWith({ pen: 10 }, 4);
    await hear(bed, delta(1, -6));
    expect(bed.published(LowStockAlert)).toEqual([{ ...place, currentStock: 4, minimumStock: 4 }]);
  });

  it('makes a stock known that nobody adjusted', async () => {
    const bed = await shopWith({});
    await hear(bed, delta(1, 5));
    expect(await bed.call('getStock', place)).toMatchObject({ available: 5 });
  });

  it('is safe against crashes', async () => {
    const at = { ignore: ['at', 'since', 'before', 'slow'] };
    await expectCrashSafe(counted, (bed) => hear(bed, delta(3, -4, now(bed))), at);
    await expectCrashSafe(counted, (bed) => hear(bed, delta(3, -14, now(bed))), at);
  });
});

describe('a sale', () => {
  it('is taken from what is free, and counted as sold', async () => {
    const bed = await counted();
    await hear(bed, sale(1, 2, now(bed)));
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 8, sold: 2, received: 10 });
    expect(bed.published(StockUpdated).at(-1)).toMatchObject({ newStock: 8, reason: 'sold' });
  });

  it('that finds too few is no less a sale', async () => {
    const bed = await counted();
    await hear(bed, sale(1, 12, now(bed)));
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 0, sold: 12, received: 12 });
    expect(bed.published(StockDrifted)).toMatchObject([{ by: 'sale', expected: 10, found: 12 }]);
    bed.clock.advance(1_000);
    for (const seq of [3, 4]) await hear(bed, count(seq, 0, now(bed)));
    bed.clock.advance(1_000);
    await hear(bed, delta(5, 3, now(bed)));
    expect(await available(bed)).toBe(3);
  });

  it('that a count has seen is a sale, and takes nothing', async () => {
    const bed = await counted();
    const earlier = now(bed);
    bed.clock.advance(1_000);
    for (const seq of [3, 4]) await hear(bed, count(seq, 8, now(bed)));
    for (let again = 0; again < 2; again++) await hear(bed, sale(1, 2, earlier));
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 8, sold: 2, received: 10 });
  });

  it("out of a slot is another's, but its number is known", async () => {
    const bed = await counted();
    await hear(bed, sale(1, 2, now(bed), 'A3'));
    await hear(bed, sale(2, 2, now(bed)));
    expect(await available(bed)).toBe(8);
    expect(await bed.call('getStock', place)).not.toHaveProperty('doubtful', true);
  });

  it('is safe against crashes', async () => {
    const at = { ignore: ['at', 'since', 'before', 'slow'] };
    await expectCrashSafe(counted, (bed) => hear(bed, sale(1, 2, now(bed))), at);
    await expectCrashSafe(counted, (bed) => hear(bed, sale(1, 2, now(bed), 'A3')), at);
  });
});

describe('a count', () => {
  it('that finds what is expected says nothing', async () => {
    const bed = await counted();
    expect(bed.published(StockDrifted)).toEqual([]);
  });

  it('counts what is reserved, as it is on the shelf still', async () => {
    const bed = await counted();
    await bed.call('reserve', asked('o1', { pen: 3 }));
    await hear(bed, count(3, 10, now(bed)));
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 7, reserved: 3 });
    expect(bed.published(StockDrifted)).toEqual([]);
  });

  it('knows nothing of what came and went after it', async () => {
    const bed = await counted();
    const then = now(bed);
    await bed.call('reserve', asked('o1', { pen: 3 }));
    bed.clock.advance(10);
    await bed.call('commit', asked('o1', { pen: 3 }));
    await bed.call('adjustStock', { ...place, change: 5, reason: 'delivery' });
    await hear(bed, { ...delta(1, -1, now(bed)), deviceId: 'another' });
    await hear(bed, count(3, 10, then));
    expect(await available(bed)).toBe(11);
    expect(bed.published(StockDrifted)).toEqual([]);
  });

  it('is believed when the next one agrees', async () => {
    const bed = await counted(7);
    expect(bed.published(StockDrifted)).toMatchObject([
      { deviceId: 'shelf', by: 'count', expected: 10, found: 7, corrected: false },
    ]);
    expect(await available(bed)).toBe(10);
    await hear(bed, delta(3, -1, now(bed)));
    await hear(bed, count(4, 6, now(bed)));
    expect(await available(bed)).toBe(6);
    expect(bed.published(StockDrifted)).toMatchObject([
      {},
      { expected: 9, found: 6, corrected: true },
    ]);
    expect(bed.published(StockUpdated).at(-1)).toMatchObject({ newStock: 6, reason: 'counted' });
  });

  it('is not believed when the next one says otherwise', async () => {
    const bed = await counted(7);
    await hear(bed, count(3, 8, now(bed)));
    await hear(bed, count(4, 10, now(bed)));
    await hear(bed, count(5, 7, now(bed) + 1));
    expect(await available(bed)).toBe(10);
  });

  it.each([
    ['tolerance', 8, 8],
    ['tolerance', 7, 10],
    ['agreement', 8, 10],
    ['report', 8, 10],
  ] as const)(
    'under the policy %s, once %i of ten are there, leaves %i',
    async (policy, found, left) => {
      const bed = await counted(found, policy);
      expect(await available(bed)).toBe(left);
      expect(bed.published(StockDrifted)).toHaveLength(1);
    },
  );

  it('is never believed where drift is reported only', async () => {
    const bed = await counted(8, 'report');
    await hear(bed, count(3, 8, now(bed)));
    expect(await available(bed)).toBe(10);
    expect(bed.published(StockDrifted)).toHaveLength(2);
  });

  it('never takes what is held for orders, but what is free next', async () => {
    const bed = await counted(10, 'tolerance');
    await bed.call('reserve', asked('o1', { pen: 9 }));
    await hear(bed, count(3, 8, now(bed)));
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 0, reserved: 9 });
    await bed.call('release', asked('o1', { pen: 9 }));
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 8, reserved: 0 });
  });

  it('that is older than the one which is believed changes nothing', async () => {
    const bed = await counted();
    const then = now(bed) - 1_500;
    const other = { deviceId: 'another' };
    await hear(bed, { ...sale(1, 1, now(bed), 'A3'), ...other });
    for (const seq of [1, 2]) await hear(bed, { ...count(seq, 2, then), ...other });
    expect(await available(bed)).toBe(10);
    expect(bed.published(StockDrifted)).toEqual([]);
  });

  it('from before the stock remembers its changes is compared with nothing', async () => {
    const bed = await shopWith({ pen: 10 });
    // its clock is known to be right
    await hear(bed, sale(1, 1, now(bed), 'A3'));
    for (const seq of [1, 2]) await hear(bed, count(seq, 4, now(bed) - 1_000));
    expect(await available(bed)).toBe(10);
    expect(bed.published(StockDrifted)).toEqual([]);
  });

  it('by a clock that is slow is as of when it was, as long as it is', async () => {
    const bed = await shopWith({ pen: 10 });
    const slow = (seq: number, pieces: number) => count(seq, pieces, now(bed) - 90_000);
    await hear(bed, slow(1, 10));
    bed.clock.advance(1_000);
    await bed.call('adjustStock', { ...place, change: 5, reason: 'delivery' });
    bed.clock.advance(1_000);
    await hear(bed, slow(2, 15));
    expect(bed.published(StockDrifted)).toEqual([]);
  });

  it('by a clock that is fast is as of now', async () => {
    const bed = await counted();
    await hear(bed, count(3, 10, now(bed) + 60_000));
    bed.clock.advance(1_000);
    await hear(bed, { ...delta(1, -2, now(bed)), deviceId: 'another' });
    expect(await available(bed)).toBe(8);
  });

  it('by a clock that is fast stands before what comes late by the same clock', async () => {
    const bed = await counted();
    for (const seq of [4, 5]) await hear(bed, count(seq, 8, now(bed) + 60_000 + seq));
    bed.clock.advance(500);
    await hear(bed, delta(6, -1, now(bed) + 60_000));
    await hear(bed, delta(3, -2, now(bed) + 59_000));
    expect(await available(bed)).toBe(7);
  });

  it('of more pieces than a stock can hold is a dead letter', async () => {
    const bed = await counted();
    await hear(bed, count(3, 2_000_000_000, now(bed)));
    expect(await available(bed)).toBe(10);
    expect([...bed.memory.documents.keys()].some((key) => key.startsWith('dead'))).toBe(true);
  });

  it('is safe against crashes', async () => {
    const ignore = { ignore: ['at', 'since', 'before', 'slow'] };
    const tolerant = () => counted(10, 'tolerance');
    await expectCrashSafe(tolerant, (bed) => hear(bed, count(3, 8, now(bed))), ignore);
    await expectCrashSafe(counted, (bed) => hear(bed, count(3, 8, now(bed))), ignore);
    await expectCrashSafe(counted, (bed) => hear(bed, count(3, 10, now(bed))), ignore);
  });
});

it.each(['count', 'delta'])(
  'a count has seen what its device told before, though both are taken at once, the %s first',
  async (first) => {
    const bed = await shopWith({ pen: 10 });
    const replica = replicaOf(bed, 5);
    // the first that is heard of the device: for all that is known they are of this very moment
    const then = now(bed) - 20_000;
    const both = [() => hear(bed, count(2, 8, then)), () => hear(replica, delta(1, -2, then))];
    await Promise.all((first === 'count' ? both : both.toReversed()).map((one) => one()));
    expect(await available(bed)).toBe(8);
  },
);

describe('a stock of which messages are missing', () => {
  const gap = async () => {
    const bed = await counted();
    await hear(bed, delta(4, -1, now(bed)));
    return bed;
  };
  const doubt = async (bed: Bed) => (await bed.call('getStock', place)).doubtful === true;

  it('is doubtful, until they come after all', async () => {
    const bed = await gap();
    expect(await doubt(bed)).toBe(true);
    await hear(bed, delta(3, -2, now(bed)));
    expect(await doubt(bed)).toBe(false);
    expect(await available(bed)).toBe(7);
  });

  it('is made what the next count says', async () => {
    const bed = await gap();
    await hear(bed, count(5, 3, now(bed) + 1));
    expect(await available(bed)).toBe(3);
    expect(await doubt(bed)).toBe(false);
    expect(bed.published(StockDrifted)).toMatchObject([{ expected: 9, found: 3, corrected: true }]);
  });

  it('is doubtful still where drift is only reported, until it was counted', async () => {
    const bed = await counted(10, 'report');
    await hear(bed, delta(4, -1, now(bed)));
    expect(await doubt(bed)).toBe(true);
    await hear(bed, count(5, 3, now(bed)));
    expect(await doubt(bed)).toBe(false);
    expect(await available(bed)).toBe(9);
  });
});

it('takes the messages of a device that starts anew', async () => {
  const bed = await counted();
  await hear(bed, delta(1, -1, now(bed), 'b2'));
  await hear(bed, delta(3, -2, now(bed)));
  await hear(bed, delta(1, -1, now(bed), 'b2'));
  expect(await available(bed)).toBe(7);
});

it('knows a message by the stock itself, where the device is not known to have sent it', async () => {
  const bed = await counted();
  bed.injectFaults({ crashAfterEffect: 1 });
  const said = delta(3, -4, now(bed));
  await expect(bed.handleEvent(DeviceDataReceived, said)).rejects.toThrow('killed');
  bed.restart();
  for (const [key, { json }] of bed.memory.documents) {
    if (!key.startsWith('stocks:')) continue;
    // a document as the kit keeps it
    bed.memory.write(key, { ...(JSON.parse(json) as object), marks: [] });
  }
  await hear(bed, said);
  expect(await available(bed)).toBe(6);
});

it('knows a message by the device, where the stock has forgotten it', async () => {
  const bed = await counted();
  for (let seq = 3; seq < 10 + MOST_TOLD; seq++)
    await hear(bed, delta(seq, 1, now(bed)), `e${seq}`);
  const before = await available(bed);
  await hear(bed, delta(3, 1, now(bed)), 'again');
  expect(await available(bed)).toBe(before);
});

it('leaves alone what is no matter of stock', async () => {
  const bed = await counted();
  const before = bed.memory.documents.size;
  await hear(bed, telemetry(1));
  expect(bed.memory.documents.size).toBe(before);
});

it('makes no stock larger that no device tells of', async () => {
  const bed = await shopWith({ pen: 10 });
  await bed.call('reserve', asked('o1', { pen: 1 }));
  await bed.call('commit', asked('o1', { pen: 1 }));
  expect(await stockOf(bed, 'pen')).not.toHaveProperty('shelf');
});
