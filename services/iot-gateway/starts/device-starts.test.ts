import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  DeviceStarts,
  MAX_STARTS,
  NO_STARTS,
  findStart,
  withStart,
  withStartAsNewest,
  withStatusSeq,
} from './device-starts';

const first = (boot: string, count?: number) => ({ boot, count, behindMs: 0 });
const after = (...boots: string[]) =>
  boots.reduce((starts, boot) => withStart(starts, first(boot)), NO_STARTS);
const counted = (...counts: number[]) =>
  counts.reduce((starts, count) => withStart(starts, first(`b${count}`, count)), NO_STARTS);
const order = ({ recent }: DeviceStarts) => recent.map(({ boot }) => boot);
const many = (count: number) => after(...Array.from({ length: count }, (_, n) => `b${n}`));

describe('a start', () => {
  it('is the newest when its first message arrives', () => {
    expect(order(after('a', 'b', 'c'))).toEqual(['a', 'b', 'c']);
    expect(after('a', 'b', 'c').recent.map(({ number }) => number)).toEqual([1, 2, 3]);
  });

  it('is the newest once: its later messages change nothing', () => {
    const starts = after('a', 'b');
    expect(withStart(starts, first('a'))).toBe(starts);
    expect(withStart(starts, first('b'))).toBe(starts);
  });

  it('that the device counted is in its place, however late its first message arrives', () => {
    expect(order(counted(7, 9, 8))).toEqual(['b7', 'b8', 'b9']);
    expect(order(counted(9, 2_147_483_647, 1))).toEqual(['b1', 'b9', 'b2147483647']);
  });

  it('that is counted is the newest after those that are not, and the other way round', () => {
    expect(order(withStart(after('a', 'b'), first('c', 1)))).toEqual(['a', 'b', 'c']);
    expect(order(withStart(counted(5, 6), first('c')))).toEqual(['b5', 'b6', 'c']);
  });

  it('that is no longer kept does not begin again', () => {
    const starts = many(MAX_STARTS + 3);
    expect(order(starts)).toHaveLength(MAX_STARTS);
    expect(findStart(starts, 'b2')).toBeUndefined();
    for (const boot of ['b0', 'b1', 'b2']) expect(withStart(starts, first(boot))).toBe(starts);
  });

  it('that is earlier than all that are kept changes nothing', () => {
    const starts = counted(...Array.from({ length: MAX_STARTS }, (_, n) => 100 + n));
    expect(findStart(withStart(starts, first('late', 3)), 'late')).toBeUndefined();
  });

  it('is remembered among the last 4096, in at most 24 KiB', () => {
    const starts = many(4_096 + MAX_STARTS);
    expect(withStart(starts, first('b0'))).toBe(starts);
    expect(starts.former.length).toBeLessThanOrEqual(24 * 1024);
    expect(DeviceStarts.safeParse(withStart(starts, first('one more'))).success).toBe(true);
  });
});

describe('an earlier start', () => {
  it('becomes the newest if it goes on', () => {
    const starts = withStartAsNewest(after('a', 'b', 'c'), 'a');
    expect(order(starts)).toEqual(['b', 'c', 'a']);
    expect(findStart(starts, 'a')).toMatchObject({ number: 4 });
    expect(order(withStart(starts, first('d')))).toEqual(['b', 'c', 'a', 'd']);
  });

  it('stays earlier if the device counts its starts', () => {
    const starts = counted(1, 2);
    expect(withStartAsNewest(starts, 'b1')).toBe(starts);
  });

  it('that is not kept stays earlier', () => {
    const starts = many(MAX_STARTS + 1);
    expect(withStartAsNewest(starts, 'b0')).toBe(starts);
  });

  it('keeps the highest number of a status', () => {
    const starts = withStatusSeq(withStatusSeq(after('a', 'b'), 'a', 7), 'a', 5);
    expect(findStart(starts, 'a')).toMatchObject({ statusSeq: 7 });
    expect(withStatusSeq(starts, 'unknown', 9)).toBe(starts);
  });
});

it('starts that are counted have one order, in whatever order their messages arrive', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: MAX_STARTS }),
      (counts) => {
        const sorted = counts.toSorted((one, other) => one - other).map((count) => `b${count}`);
        expect(order(counted(...counts))).toEqual(sorted);
      },
    ),
  );
});
