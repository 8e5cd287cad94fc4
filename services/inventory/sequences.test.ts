import { describe, expect, it } from '@jest/globals';
import { array, assert, integer, property, uniqueArray } from 'fast-check';
import {
  type Device,
  Device as DeviceSchema,
  counted,
  inOrder,
  isNew,
  movedTo,
  newDevice,
  onTime,
  taken,
} from './sequences';

const place = (seq: number, boot = 'b1', at = seq) => ({
  ...{ kind: 'stock' as const, boot, seq, at },
  slow: 0,
});
const device = newDevice('shelf', 'shop_1');
const after = (...seqs: number[]) =>
  seqs.reduce((now: Device, seq) => taken(now, place(seq), 'pen'), device);
const boots = (count: number) =>
  Array.from({ length: count }, (_, n) => place(1, `b${n}`, (n + 1) * 10)).reduce(
    (now, each) => taken(now, each, 'pen'),
    device,
  );

describe('a message', () => {
  it('is new once', () => {
    expect(isNew(device, place(1))).toBe(true);
    expect(isNew(after(1), place(1))).toBe(false);
    expect(isNew(after(1), place(2))).toBe(true);
  });

  it('is new when it comes late, and then no more', () => {
    const gap = after(1, 4);
    expect([1, 2, 3, 4].map((seq) => isNew(gap, place(seq)))).toEqual([false, true, true, false]);
    const filled = taken(gap, place(2), 'pen');
    expect([2, 3].map((seq) => isNew(filled, place(seq)))).toEqual([false, true]);
  });

  it('of another start, or of another kind, is counted on its own', () => {
    expect(isNew(after(1, 2), place(1, 'b2'))).toBe(true);
    expect(isNew(after(1, 2), { ...place(1), kind: 'sale' })).toBe(true);
  });

  it('of a start that is forgotten is not taken: it may be there already', () => {
    const many = boots(5);
    expect(isNew(many, place(1, 'b0', 10))).toBe(false);
    expect(isNew(many, place(1, 'b1', 20))).toBe(false);
    expect(isNew(many, place(2, 'b1', 70))).toBe(true);
    expect(isNew(many, place(1, 'b9', 70))).toBe(true);
  });

  it('changes nothing the second time', () => {
    const once = after(1, 3);
    expect(taken(once, place(3), 'pen')).toBe(once);
  });
});

describe('what a device tells of', () => {
  it('is in doubt when something is missing, all of it', () => {
    const some = taken(after(1), place(2), 'ink');
    expect(some.doubtful).toEqual([]);
    expect(taken(some, place(4), 'pen').doubtful).toEqual(['pen', 'ink']);
    expect(taken(device, place(2), 'pen').doubtful).toEqual(['pen']);
  });

  it('is in doubt no more when all that was missing came', () => {
    expect(after(1, 4, 2).doubtful).toEqual(['pen']);
    expect(after(1, 4, 2, 3).doubtful).toEqual([]);
  });

  it('is in doubt no more when it was counted after that', () => {
    const doubtful = after(1, 3, 4);
    expect(counted(doubtful, place(4), 'pen').doubtful).toEqual([]);
    expect(counted(doubtful, place(1), 'pen').doubtful).toEqual(['pen']);
    const ofSales = taken(doubtful, { ...place(2, 'b1', 9), kind: 'sale' });
    expect(counted(ofSales, place(4), 'pen').doubtful).toEqual(['pen']);
    expect(counted(ofSales, place(5, 'b1', 10), 'pen').doubtful).toEqual([]);
  });

  it('stays in doubt where a gap is given up, until it is counted', () => {
    const odd = Array.from({ length: 18 }, (_, n) => 2 * n + 1);
    const holed = after(...odd);
    expect(holed.lost).toBe(true);
    const patched = odd.reduce((now, seq) => taken(now, place(seq + 1), 'pen'), holed);
    expect(patched.doubtful).toEqual(['pen']);
    expect(counted(patched, place(40), 'pen')).toMatchObject({ doubtful: [], lost: false });
  });

  it('is forgotten when it is brought to another shop', () => {
    const moved = movedTo(after(1, 3), 'shop_2');
    expect(moved).toMatchObject({ shopId: 'shop_2', products: [], doubtful: [] });
    expect(isNew(moved, place(3))).toBe(false);
  });
});

describe("a device's clock", () => {
  const heard = (at: number, now: number, by = device) => {
    const time = onTime(by, at, now);
    return { time, device: taken(by, { ...place(1), ...time }) };
  };

  it('is taken to be right where it is fast: its messages are as of now', () => {
    expect(heard(150, 100).time).toEqual({ at: 100, slow: 0 });
  });

  it('is slow by no more than the quickest of its messages took', () => {
    const first = heard(50, 100);
    expect(first.time).toEqual({ at: 100, slow: 50 });
    expect(onTime(first.device, 60, 120)).toEqual({ at: 110, slow: 50 });
    expect(onTime(first.device, 95, 120)).toEqual({ at: 120, slow: 25 });
  });
});

describe('the moment of a message', () => {
  it('is as the device says', () => {
    expect(inOrder(device, place(1, 'b1', 90)).at).toBe(90);
    expect(inOrder(taken(device, place(1, 'b1', 90)), place(2, 'b1', 95)).at).toBe(95);
  });

  it('is after those before it, and before those after it', () => {
    const some = taken(taken(device, place(1, 'b1', 90)), place(4, 'b1', 100));
    expect(inOrder(some, place(5, 'b1', 80)).at).toBe(101);
    expect(inOrder(some, place(2, 'b1', 120)).at).toBe(99);
    expect(inOrder(taken(some, place(3, 'b1', 95)), place(2, 'b1', 120)).at).toBe(94);
  });
});

it('takes each message once, in whatever order they come, and is in doubt as long as one is missing', () => {
  const numbers = uniqueArray(integer({ min: 1, max: 12 }), { minLength: 1 });
  assert(
    property(numbers, array(integer({ min: 0, max: 11 })), (seqs, repeats) => {
      const schedule = [...seqs, ...repeats.map((index) => seqs[index % seqs.length] ?? 1)];
      let now = device;
      const takenOnes: number[] = [];
      for (const seq of schedule) {
        if (isNew(now, place(seq))) takenOnes.push(seq);
        now = DeviceSchema.parse(taken(now, place(seq), 'pen'));
      }
      expect(takenOnes.sort((one, other) => one - other)).toEqual(
        [...seqs].sort((one, other) => one - other),
      );
      expect(now.doubtful.length > 0).toBe(Math.max(...seqs) > seqs.length);
    }),
  );
});
