import { describe, expect, it } from '@jest/globals';
import { LowStockAlert, ReportRefused, StockDrifted, StockUpdated } from '#contracts/inventory';
import { DeviceDataReceived } from '#contracts/iot-gateway';
import type { EventInput } from '#kit/messages/contract';
import { expectCrashSafe } from '#kit/testing/crash-safety';
import { testbed } from '#kit/testing/testbed';
import { inventory } from './service';
import { MAX_REPORTS } from './reconciliation-state';
import {
  type Bed,
  UNKNOWN,
  byAdmin,
  deviceMessages,
  orderFor,
  replicaOf,
  shopWith,
  stockOf,
} from './testing';

type Message = EventInput<typeof DeviceDataReceived>;

const stockId = { shopId: 'shop_1', productId: 'pen' };
const { count, delta, sale, telemetry } = deviceMessages('shelf');

/** A shop with ten pens whose shelf has reported one movement and this count. */
async function counted(pieces = 10, policy: 'tolerance' | 'agreement' | 'report' = 'agreement') {
  const bed = await shopWith({ pen: 10 }, 0, { DRIFT_POLICY: policy });
  await deliver(bed, delta(1, 0));
  bed.clock.advance(1_000);
  await deliver(bed, count(2, pieces, bed.clock.now()));
  bed.clock.advance(1_000);
  return bed;
}

async function deliver(bed: Bed, message: Message, id = idOf(message)) {
  expect(await bed.handleEvent(DeviceDataReceived, message, { id })).toBe('SUCCESS');
}

const idOf = ({ deviceId, dataType, position: { boot, seq } }: Message) =>
  [deviceId, dataType, boot, seq].join(' ');
const now = (bed: Bed) => bed.clock.now();
const available = async (bed: Bed) => (await stockOf(bed, 'pen')).available;

describe('a delta', () => {
  it('adds and removes pieces, and publishes that', async () => {
    const bed = await counted();
    await deliver(bed, delta(3, -4, now(bed)));
    await deliver(bed, delta(4, 1, now(bed)));
    expect(await available(bed)).toBe(7);
    expect(bed.published(StockUpdated).slice(-2)).toEqual([
      { ...stockId, previousStock: 10, newStock: 6, change: -4, reason: 'moved' },
      { ...stockId, previousStock: 6, newStock: 7, change: 1, reason: 'moved' },
    ]);
  });

  it('is applied once, also in another event', async () => {
    const bed = await counted();
    const again = delta(3, -4, now(bed));
    for (const id of ['e1', 'e1', 'e2']) await deliver(bed, again, id);
    expect(await available(bed)).toBe(6);
  });

  it('that arrives late is applied once', async () => {
    const bed = await counted();
    await deliver(bed, delta(4, -1, now(bed)));
    await deliver(bed, delta(3, -2, now(bed) - 500));
    await deliver(bed, delta(3, -2, now(bed) - 500));
    expect(await available(bed)).toBe(7);
  });

  it('that arrives after a count which includes it changes nothing', async () => {
    const bed = await counted();
    await deliver(bed, count(4, 8, now(bed)));
    await deliver(bed, count(5, 8, now(bed)));
    await deliver(bed, delta(3, -2, now(bed) - 500));
    expect(await available(bed)).toBe(8);
  });

  it('of more pieces than are available leaves some missing until more arrive', async () => {
    const bed = await counted();
    await bed.call('reserve', orderFor('o1', { pen: 3 }));
    await deliver(bed, delta(3, -9, now(bed)));
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 0, reserved: 3 });
    expect(bed.published(StockDrifted)).toMatchObject([
      { ...stockId, by: 'delta', expected: 7, found: 9, corrected: false },
    ]);
    await bed.call('release', orderFor('o1', { pen: 3 }));
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 1, reserved: 0, received: 1 });
  });

  it('and its opposite cancel out, whichever arrives first', async () => {
    const bed = await counted(10);
    await deliver(bed, delta(4, -12, now(bed)));
    await deliver(bed, delta(3, 12, now(bed)));
    expect(await available(bed)).toBe(10);
  });

  it('publishes an alert when the stock falls to its minimum', async () => {
    const bed = await shopWith({ pen: 10 }, 4);
    await deliver(bed, delta(1, -6));
    expect(bed.published(LowStockAlert)).toEqual([
      { ...stockId, currentStock: 4, minimumStock: 4 },
    ]);
  });

  it('creates a stock that was never adjusted', async () => {
    const bed = await shopWith({});
    await deliver(bed, delta(1, 5));
    expect(await bed.call('getStock', stockId)).toMatchObject({ available: 5 });
  });

  it('is crash safe', async () => {
    const at = { ignore: ['at', 'since', 'before'] };
    await expectCrashSafe(counted, (bed) => deliver(bed, delta(3, -4, now(bed))), at);
    await expectCrashSafe(counted, (bed) => deliver(bed, delta(3, -14, now(bed))), at);
  });
});

describe('a sale', () => {
  it('removes available pieces, and counts them as sold', async () => {
    const bed = await counted();
    await deliver(bed, sale(1, 2, now(bed)));
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 8, sold: 2, received: 10 });
    expect(bed.published(StockUpdated).at(-1)).toMatchObject({ newStock: 8, reason: 'sold' });
  });

  it('of more pieces than are available is still a sale', async () => {
    const bed = await counted();
    await deliver(bed, sale(1, 12, now(bed)));
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 0, sold: 12, received: 12 });
    expect(bed.published(StockDrifted)).toMatchObject([{ by: 'sale', expected: 10, found: 12 }]);
    bed.clock.advance(1_000);
    for (const seq of [3, 4]) await deliver(bed, count(seq, 0, now(bed)));
    bed.clock.advance(1_000);
    await deliver(bed, delta(5, 3, now(bed)));
    expect(await available(bed)).toBe(3);
  });

  it('that a count includes is a sale, and removes nothing', async () => {
    const bed = await counted();
    const earlier = now(bed);
    bed.clock.advance(1_000);
    for (const seq of [3, 4]) await deliver(bed, count(seq, 8, now(bed)));
    for (let again = 0; again < 2; again++) await deliver(bed, sale(1, 2, earlier));
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 8, sold: 2, received: 10 });
  });

  it('from a slot changes no stock here, but its number is recorded', async () => {
    const bed = await counted();
    await deliver(bed, sale(1, 2, now(bed), 'A3'));
    await deliver(bed, sale(2, 2, now(bed)));
    expect(await available(bed)).toBe(8);
    expect(await bed.call('getStock', stockId)).not.toHaveProperty('doubtful', true);
  });

  it('is crash safe', async () => {
    const at = { ignore: ['at', 'since', 'before'] };
    await expectCrashSafe(counted, (bed) => deliver(bed, sale(1, 2, now(bed))), at);
    await expectCrashSafe(counted, (bed) => deliver(bed, sale(1, 2, now(bed), 'A3')), at);
  });
});

describe('a count', () => {
  it('that finds the expected pieces publishes nothing', async () => {
    const bed = await counted();
    expect(bed.published(StockDrifted)).toEqual([]);
  });

  it('includes reserved pieces, which are still on the shelf', async () => {
    const bed = await counted();
    await bed.call('reserve', orderFor('o1', { pen: 3 }));
    await deliver(bed, count(3, 10, now(bed)));
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 7, reserved: 3 });
    expect(bed.published(StockDrifted)).toEqual([]);
  });

  it('does not include later movements', async () => {
    const bed = await counted();
    const then = now(bed);
    await bed.call('reserve', orderFor('o1', { pen: 3 }));
    bed.clock.advance(10);
    await bed.call('commit', orderFor('o1', { pen: 3 }));
    await bed.call('adjustStock', { ...stockId, change: 5, reason: 'delivery' }, byAdmin);
    await deliver(bed, { ...delta(1, -1, now(bed)), deviceId: 'another' });
    await deliver(bed, count(3, 10, then));
    expect(await available(bed)).toBe(11);
    expect(bed.published(StockDrifted)).toEqual([]);
  });

  it('corrects the stock when the next one agrees', async () => {
    const bed = await counted(7);
    expect(bed.published(StockDrifted)).toMatchObject([
      { deviceId: 'shelf', by: 'count', expected: 10, found: 7, corrected: false },
    ]);
    expect(await available(bed)).toBe(10);
    await deliver(bed, delta(3, -1, now(bed)));
    await deliver(bed, count(4, 6, now(bed)));
    expect(await available(bed)).toBe(6);
    expect(bed.published(StockDrifted)).toMatchObject([
      {},
      { expected: 9, found: 6, corrected: true },
    ]);
    expect(bed.published(StockUpdated).at(-1)).toMatchObject({ newStock: 6, reason: 'counted' });
  });

  it('does not correct the stock when the next one differs', async () => {
    const bed = await counted(7);
    await deliver(bed, count(3, 8, now(bed)));
    await deliver(bed, count(4, 10, now(bed)));
    await deliver(bed, count(5, 7, now(bed) + 1));
    expect(await available(bed)).toBe(10);
  });

  it.each([
    ['tolerance', 8, 8],
    ['tolerance', 7, 10],
    ['agreement', 8, 10],
    ['report', 8, 10],
  ] as const)('with the policy %s and %i pieces of ten, leaves %i', async (policy, found, left) => {
    const bed = await counted(found, policy);
    expect(await available(bed)).toBe(left);
    expect(bed.published(StockDrifted)).toHaveLength(1);
  });

  it('never corrects the stock with the policy report', async () => {
    const bed = await counted(8, 'report');
    await deliver(bed, count(3, 8, now(bed)));
    expect(await available(bed)).toBe(10);
    expect(bed.published(StockDrifted)).toHaveLength(2);
  });

  it('never removes pieces that are held for orders, but those that are available next', async () => {
    const bed = await counted(10, 'tolerance');
    await bed.call('reserve', orderFor('o1', { pen: 9 }));
    await deliver(bed, count(3, 8, now(bed)));
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 0, reserved: 9 });
    await bed.call('release', orderFor('o1', { pen: 9 }));
    expect(await stockOf(bed, 'pen')).toMatchObject({ available: 8, reserved: 0 });
  });

  it('that is older than the accepted one changes nothing', async () => {
    const bed = await counted();
    const then = now(bed) - 1_500;
    const other = { deviceId: 'another' };
    await deliver(bed, { ...sale(1, 1, now(bed), 'A3'), ...other });
    for (const seq of [1, 2]) await deliver(bed, { ...count(seq, 2, then), ...other });
    expect(await available(bed)).toBe(10);
    expect(bed.published(StockDrifted)).toEqual([]);
  });

  it('from before the stored movements is not compared', async () => {
    const bed = await shopWith({ pen: 10 });
    for (const seq of [1, 2]) await deliver(bed, count(seq, 4, now(bed) - 1_000));
    expect(await available(bed)).toBe(10);
    expect(bed.published(StockDrifted)).toEqual([]);
  });

  it('from a clock that is fast is compared at the time of its arrival', async () => {
    const bed = await counted();
    await deliver(bed, count(3, 10, now(bed) + 60_000));
    bed.clock.advance(1_000);
    await deliver(bed, { ...delta(1, -2, now(bed)), deviceId: 'another' });
    expect(await available(bed)).toBe(8);
  });

  it('from a clock that is fast includes late messages with lower numbers', async () => {
    const bed = await counted();
    for (const seq of [4, 5]) await deliver(bed, count(seq, 8, now(bed) + 60_000 + seq));
    bed.clock.advance(500);
    await deliver(bed, delta(6, -1, now(bed) + 60_000));
    await deliver(bed, delta(3, -2, now(bed) + 59_000));
    expect(await available(bed)).toBe(7);
  });

  it('of more pieces than a stock can hold becomes a dead letter', async () => {
    const bed = await counted();
    await deliver(bed, count(3, 2_000_000_000, now(bed)));
    expect(await available(bed)).toBe(10);
    expect([...bed.memory.documents.keys()].some((key) => key.startsWith('dead'))).toBe(true);
  });

  it('is crash safe', async () => {
    const ignore = { ignore: ['at', 'since', 'before'] };
    const tolerant = () => counted(10, 'tolerance');
    await expectCrashSafe(tolerant, (bed) => deliver(bed, count(3, 8, now(bed))), ignore);
    await expectCrashSafe(counted, (bed) => deliver(bed, count(3, 8, now(bed))), ignore);
    await expectCrashSafe(counted, (bed) => deliver(bed, count(3, 10, now(bed))), ignore);
  });
});

it.each(['count', 'delta'])(
  'a count includes earlier messages of its device even when two replicas process both concurrently, the %s first',
  async (first) => {
    const bed = await shopWith({ pen: 10 });
    const replica = replicaOf(bed, 5);
    // the first messages of the device: by the platform's clock, both are of this moment
    const then = now(bed) - 20_000;
    const both = [
      () => deliver(bed, count(2, 8, then)),
      () => deliver(replica, delta(1, -2, then)),
    ];
    await Promise.all((first === 'count' ? both : both.toReversed()).map((one) => one()));
    expect(await available(bed)).toBe(8);
  },
);

describe('a stock of which messages are missing', () => {
  const gap = async () => {
    const bed = await counted();
    await deliver(bed, delta(4, -1, now(bed)));
    return bed;
  };
  const doubt = async (bed: Bed) => (await bed.call('getStock', stockId)).doubtful === true;

  it('is doubtful until they arrive', async () => {
    const bed = await gap();
    expect(await doubt(bed)).toBe(true);
    await deliver(bed, delta(3, -2, now(bed)));
    expect(await doubt(bed)).toBe(false);
    expect(await available(bed)).toBe(7);
  });

  it('is corrected by the next count', async () => {
    const bed = await gap();
    await deliver(bed, count(5, 3, now(bed) + 1));
    expect(await available(bed)).toBe(3);
    expect(await doubt(bed)).toBe(false);
    expect(bed.published(StockDrifted)).toMatchObject([{ expected: 9, found: 3, corrected: true }]);
  });

  it('is doubtful until it is counted, also with the policy report', async () => {
    const bed = await counted(10, 'report');
    await deliver(bed, delta(4, -1, now(bed)));
    expect(await doubt(bed)).toBe(true);
    await deliver(bed, count(5, 3, now(bed)));
    expect(await doubt(bed)).toBe(false);
    expect(await available(bed)).toBe(9);
  });
});

it('a sale after a clock was set back counts, also after a count by hand', async () => {
  const bed = await counted();
  await deliver(bed, sale(1, 1, now(bed)));
  bed.clock.advance(60_000);
  await bed.call('setStock', { ...stockId, pieces: 5, reason: 'counted' }, byAdmin);
  bed.clock.advance(60_000);
  await deliver(bed, sale(2, 2, now(bed) - 3_600_000));
  await deliver(bed, sale(3, 1, now(bed) - 3_599_000));
  expect(await stockOf(bed, 'pen')).toMatchObject({ available: 2, sold: 4 });
});

it('messages of a device that restarted are processed, however often it restarts', async () => {
  const bed = await counted();
  for (let boot = 2; boot < 40; boot++) {
    const first = delta(1, 1, now(bed), `b${boot}`);
    for (let again = 0; again < 2; again++) await deliver(bed, first);
  }
  expect(await available(bed)).toBe(48);
});

it('messages of a start after a later one are processed', async () => {
  const bed = await counted();
  await deliver(bed, delta(1, -1, now(bed), 'b2'));
  await deliver(bed, delta(3, -2, now(bed)));
  await deliver(bed, delta(1, -1, now(bed), 'b2'));
  expect(await available(bed)).toBe(7);
});

it('a message is deduplicated by the stock if the device document does not list it', async () => {
  const bed = await counted();
  bed.injectFaults({ crashAfterEffect: 1 });
  const message = delta(3, -4, now(bed));
  await expect(bed.handleEvent(DeviceDataReceived, message)).rejects.toThrow('killed');
  bed.restart();
  for (const [key, { json }] of bed.memory.documents) {
    if (!key.startsWith('stocks:')) continue;
    // a document as the kit stores it
    bed.memory.write(key, { ...(JSON.parse(json) as object), marks: [] });
  }
  await deliver(bed, message);
  expect(await available(bed)).toBe(6);
});

it('a message is deduplicated by the device document if the stock no longer lists it', async () => {
  const bed = await counted();
  for (let seq = 3; seq < 10 + MAX_REPORTS; seq++)
    await deliver(bed, delta(seq, 1, now(bed)), `e${seq}`);
  const before = await available(bed);
  await deliver(bed, delta(3, 1, now(bed)), 'again');
  expect(await available(bed)).toBe(before);
});

it('other data of a device changes nothing', async () => {
  const bed = await counted();
  const before = bed.memory.documents.size;
  await deliver(bed, telemetry(1));
  expect(bed.memory.documents.size).toBe(before);
});

it('a stock without device reports stores no reconciliation state', async () => {
  const bed = await shopWith({ pen: 10 });
  await bed.call('reserve', orderFor('o1', { pen: 1 }));
  await bed.call('commit', orderFor('o1', { pen: 1 }));
  expect(await stockOf(bed, 'pen')).not.toHaveProperty('shelf');
});

describe('a report on a stock that cannot exist', () => {
  const at = new Date(Date.parse('2026-01-01T00:00:00Z')).toISOString();
  const deadLetters = (bed: Bed) =>
    [...bed.memory.documents.keys()].filter((key) => key.startsWith('dead-letter'));

  it.each([
    ['product_not_found', { shopId: 'shop_1', productId: UNKNOWN }],
    ['shop_not_found', { shopId: UNKNOWN, productId: 'pen' }],
  ])('is a dead letter, and the operators are notified once: %s', async (reason, id) => {
    const bed = await shopWith({});
    for (const message of [count(1, 5), delta(2, -1), sale(1, 1)]) {
      const { shopId, productId } = id;
      const unknown = { ...message, shopId, data: { ...message.data, productId } } as Message;
      await deliver(bed, unknown);
    }
    expect(deadLetters(bed).length).toBeGreaterThanOrEqual(3);
    expect(bed.published(ReportRefused)).toEqual([{ ...id, deviceId: 'shelf', reason, at }]);
    expect([...bed.memory.documents.keys()].some((key) => key.startsWith('stocks'))).toBe(false);
  });

  it('is recorded when it is replayed after the product was created', async () => {
    const bed = await shopWith({});
    const message = delta(1, 5);
    const unknown = { ...message, data: { ...message.data, productId: UNKNOWN } };
    await deliver(bed, unknown);
    const known = { shop: { mayManage: () => ({ allowed: false }) } };
    const later = testbed(inventory, {
      memory: bed.memory,
      config: bed.context().config,
      calls: known,
    });
    const { letters } = await later.runtime.deadLetters.page(1, 10);
    for (const { id } of letters) await later.runtime.replay(id);
    const stock = await later.call('getStock', { shopId: 'shop_1', productId: UNKNOWN });
    expect(stock.available).toBe(5);
  });

  it('costs no call once the stock is known', async () => {
    const bed = await counted();
    const before = bed.callCount('shop', 'mayManage');
    await deliver(bed, delta(3, -1, now(bed)));
    expect(bed.callCount('shop', 'mayManage')).toBe(before);
  });
});
