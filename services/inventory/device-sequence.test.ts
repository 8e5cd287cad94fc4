import { describe, expect, it } from '@jest/globals';
import { array, assert, integer, property, uniqueArray } from 'fast-check';
import {
  type Device,
  Device as DeviceSchema,
  clearDoubt,
  alignTime,
  isNewMessage,
  inShop,
  newDevice,
  recordMessage,
} from './device-sequence';

const position = (seq: number, boot = 'b1', at = seq, start = 1) => ({
  kind: 'stock' as const,
  boot,
  start,
  seq,
  at,
});
const device = newDevice('shelf', 'shop_1');
const after = (...seqs: number[]) =>
  seqs.reduce((now: Device, seq) => recordMessage(now, position(seq), 'pen'), device);
const boots = (count: number) =>
  Array.from({ length: count }, (_, n) => position(1, `b${n}`, -n, n)).reduce(
    (now, each) => recordMessage(now, each, 'pen'),
    device,
  );

describe('a message', () => {
  it('is new once', () => {
    expect(isNewMessage(device, position(1))).toBe(true);
    expect(isNewMessage(after(1), position(1))).toBe(false);
    expect(isNewMessage(after(1), position(2))).toBe(true);
  });

  it('is new when it arrives late, and only once', () => {
    const gap = after(1, 4);
    expect([1, 2, 3, 4].map((seq) => isNewMessage(gap, position(seq)))).toEqual([
      false,
      true,
      true,
      false,
    ]);
    const filled = recordMessage(gap, position(2), 'pen');
    expect([2, 3].map((seq) => isNewMessage(filled, position(seq)))).toEqual([false, true]);
  });

  it('of another boot or another kind is numbered separately', () => {
    expect(isNewMessage(after(1, 2), position(1, 'b2'))).toBe(true);
    expect(isNewMessage(after(1, 2), { ...position(1), kind: 'sale' })).toBe(true);
  });

  it('of a run that is no longer stored is not new: it may be a duplicate', () => {
    const many = boots(21);
    expect(isNewMessage(many, position(1, 'b0', 99, 0))).toBe(false);
    expect(isNewMessage(many, position(1, 'b1', 99, 1))).toBe(false);
    expect(isNewMessage(many, position(2, 'b1', 99, 1))).toBe(true);
  });

  it('of a later start is new, whatever its time', () => {
    const many = boots(21);
    expect(isNewMessage(many, position(1, 'b21', -1_000_000, 21))).toBe(true);
    expect(isNewMessage(many, position(1, 'b21', 1_000_000, 21))).toBe(true);
  });

  it('is new in the data of an earlier release, which did not order starts', () => {
    const stored = {
      ...device,
      forgottenAt: 1_767_225_600_000,
      slow: 50,
      forgottenStart: undefined,
      runs: [{ kind: 'stock', boot: 'b0', upTo: 3, gaps: [], at: 1_767_225_600_000 }],
    };
    const now = DeviceSchema.parse(stored);
    expect(isNewMessage(now, position(3, 'b0', 0, 1))).toBe(false);
    expect(isNewMessage(now, position(4, 'b0', 0, 1))).toBe(true);
    expect(isNewMessage(now, position(1, 'b1', 0, 2))).toBe(true);
  });

  it('changes nothing when it is recorded again', () => {
    const once = after(1, 3);
    expect(recordMessage(once, position(3), 'pen')).toBe(once);
  });
});

describe('the products of a device', () => {
  it('are all doubtful while a message is missing', () => {
    const some = recordMessage(after(1), position(2), 'ink');
    expect(some.doubtful).toEqual([]);
    expect(recordMessage(some, position(4), 'pen').doubtful).toEqual(['pen', 'ink']);
    expect(recordMessage(device, position(2), 'pen').doubtful).toEqual(['pen']);
  });

  it('are no longer doubtful when all missing messages have arrived', () => {
    expect(after(1, 4, 2).doubtful).toEqual(['pen']);
    expect(after(1, 4, 2, 3).doubtful).toEqual([]);
  });

  it('are no longer doubtful after a later count', () => {
    const doubtful = after(1, 3, 4);
    expect(clearDoubt(doubtful, position(4), 'pen').doubtful).toEqual([]);
    expect(clearDoubt(doubtful, position(1), 'pen').doubtful).toEqual(['pen']);
    const ofSales = recordMessage(doubtful, { ...position(2, 'b1', 9), kind: 'sale' });
    expect(clearDoubt(ofSales, position(4), 'pen').doubtful).toEqual(['pen']);
    expect(clearDoubt(ofSales, position(5, 'b1', 10), 'pen').doubtful).toEqual([]);
  });

  it('stay doubtful after a gap was dropped, until they are counted', () => {
    const odd = Array.from({ length: 18 }, (_, n) => 2 * n + 1);
    const holed = after(...odd);
    expect(holed.lost).toBe(true);
    const patched = odd.reduce((now, seq) => recordMessage(now, position(seq + 1), 'pen'), holed);
    expect(patched.doubtful).toEqual(['pen']);
    expect(clearDoubt(patched, position(40), 'pen')).toMatchObject({ doubtful: [], lost: false });
  });

  it('are cleared when the device is moved to another shop', () => {
    const moved = inShop(after(1, 3), 'shop_2');
    expect(moved).toMatchObject({ shopId: 'shop_2', products: [], doubtful: [] });
    expect(isNewMessage(moved, position(3))).toBe(false);
  });
});

describe('the time of a message', () => {
  const NOW = 1_000_000;
  const first = recordMessage(device, position(1, 'b1', 90_000));

  it('is the time of the device', () => {
    expect(alignTime(device, position(1, 'b1', 90), NOW).at).toBe(90);
    expect(alignTime(first, position(2, 'b1', 95_000), NOW).at).toBe(95_000);
  });

  it('agrees with the numbers of the messages before and after it', () => {
    const some = recordMessage(first, position(4, 'b1', 100_000));
    expect(alignTime(some, position(5, 'b1', 99_000), NOW).at).toBe(100_001);
    expect(alignTime(some, position(2, 'b1', 120_000), NOW).at).toBe(99_999);
    const filled = recordMessage(some, position(3, 'b1', 95_000));
    expect(alignTime(filled, position(2, 'b1', 120_000), NOW).at).toBe(94_999);
  });

  it('is that of its arrival if the clock was set back', () => {
    expect(alignTime(first, position(2, 'b1', 87_999), NOW).at).toBe(NOW);
    expect(alignTime(first, position(2, 'b1', -5e12), NOW).at).toBe(NOW);
  });

  it('is a little later in the same second of a clock with whole seconds', () => {
    const second = recordMessage(first, position(2, 'b1', 90_001));
    expect(alignTime(first, position(2, 'b1', 90_000), NOW).at).toBe(90_001);
    expect(alignTime(second, position(3, 'b1', 90_000), NOW).at).toBe(90_002);
  });
});

it('each message is new once in any order of arrival, and the products are doubtful while one is missing', () => {
  const numbers = uniqueArray(integer({ min: 1, max: 12 }), { minLength: 1 });
  assert(
    property(numbers, array(integer({ min: 0, max: 11 })), (seqs, repeats) => {
      const schedule = [...seqs, ...repeats.map((index) => seqs[index % seqs.length] ?? 1)];
      let now = device;
      const processed: number[] = [];
      for (const seq of schedule) {
        if (isNewMessage(now, position(seq))) processed.push(seq);
        now = DeviceSchema.parse(recordMessage(now, position(seq), 'pen'));
      }
      expect(processed.sort((one, other) => one - other)).toEqual(
        [...seqs].sort((one, other) => one - other),
      );
      expect(now.doubtful.length > 0).toBe(Math.max(...seqs) > seqs.length);
    }),
  );
});
