import { describe, expect, it } from '@jest/globals';
import { LocalCounter } from './local-counter';

const limit = { name: 'ten-seconds', quota: 3, window: 10 };

describe('a local counter', () => {
  it('counts each key separately, in a window that begins with its first request', () => {
    const counter = new LocalCounter(limit);
    expect(counter.count('a', 1_000)).toEqual({ limit, left: 2, isOver: false, resetMs: 10_000 });
    counter.count('a', 5_000);
    expect(counter.count('a', 10_999)).toEqual({ limit, left: 0, isOver: false, resetMs: 1 });
    expect(counter.count('a', 10_999)).toEqual({ limit, left: 0, isOver: true, resetMs: 1 });
    expect(counter.count('b', 10_999)).toMatchObject({ left: 2 });
    expect(counter.count('a', 11_000)).toMatchObject({ left: 2, resetMs: 10_000 });
  });

  it('removes windows that have ended', () => {
    const counter = new LocalCounter(limit);
    for (let n = 0; n < 100; n++) counter.count(`client ${n}`, n);
    counter.count('late', 10_050);
    // the last 49 of the 100, and the late one
    expect(counter.size).toBe(50);
  });

  it('keeps the window of a key that was counted again after its first one ended', () => {
    const counter = new LocalCounter(limit);
    counter.count('a', 0);
    counter.count('a', 10_000);
    // removes the first window of a, which ended
    for (let n = 0; n < 5_000; n++) counter.count(`client ${n}`, 10_001);
    expect(counter.count('a', 10_002)).toMatchObject({ left: 1, resetMs: 9_998 });
  });

  it('stays bounded under a flood of keys, and still counts a key among them', () => {
    const counter = new LocalCounter(limit);
    for (let n = 0; n < 200_000; n++) counter.count(`client ${n}`, 0);
    expect(counter.size).toBe(20_000);
    expect(counter.count('client 199999', 0)).toMatchObject({ left: 1 });
  });
});
