import { describe, expect, it } from '@jest/globals';
import { DeviceClock } from './device-clock';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const SECOND = 1_000;
const YEAR = 365 * 86_400 * SECOND;

const offset = (behindMs: number) => ({ now: behindMs, least: behindMs, most: behindMs });
const clockBehind = (behindMs: number) => new DeviceClock(offset(behindMs));
const stock = (seq: number, at: number) => ({ kind: 'stock', seq, at });

describe("a device's clock", () => {
  it.each([
    ['right', 0],
    ['ten minutes slow', 600 * SECOND],
    ['a year slow', YEAR],
    ['at 1970', NOW],
    ['in 2038', NOW - Date.parse('2038-01-19T03:14:07Z')],
    ['in the year 9999', NOW - Date.parse('9999-12-31T23:59:59Z')],
  ])('that is %s gives messages their time', (_, behind) => {
    const clock = clockBehind(behind);
    expect(clock.receive(stock(1, NOW - behind), NOW)).toBe(NOW);
    // made 30 s ago
    expect(clock.receive(stock(2, NOW + 10 * SECOND - behind), NOW + 40 * SECOND)).toBe(
      NOW + 10 * SECOND,
    );
  });

  it('is behind by at most the delay of its fastest message', () => {
    const clock = clockBehind(50 * SECOND);
    expect(clock.receive(stock(1, NOW - 40 * SECOND), NOW)).toBe(NOW);
    expect(clock.receive(stock(2, NOW - 30 * SECOND), NOW + 20 * SECOND)).toBe(NOW + 10 * SECOND);
  });

  it('that was set back begins again', () => {
    const clock = clockBehind(0);
    clock.receive(stock(1, NOW), NOW);
    const later = NOW + 60 * SECOND;
    expect(clock.receive(stock(2, later - 3_600 * SECOND), later)).toBe(later);
    expect(clock.behind).toEqual({ now: 3_600 * SECOND, least: 0, most: 3_600 * SECOND });
  });

  it('that was set forward, as when it learns the time after 1970, is right from then on', () => {
    const clock = clockBehind(NOW);
    clock.receive(stock(1, 0), NOW);
    expect(clock.receive(stock(2, NOW + 5 * SECOND), NOW + 6 * SECOND)).toBe(NOW + 6 * SECOND);
    expect(clock.behind).toMatchObject({ now: SECOND, most: NOW });
  });

  it('was not set back because messages overtook each other', () => {
    const clock = clockBehind(0);
    clock.receive(stock(3, NOW), NOW);
    expect(clock.receive(stock(2, NOW - 3_600 * SECOND), NOW)).toBe(NOW - 3_600 * SECOND);
    expect(clock.receive({ kind: 'sale', seq: 9, at: NOW - 7_200 * SECOND }, NOW)).toBe(
      NOW - 7_200 * SECOND,
    );
    expect(clock.behind).toEqual(offset(0));
  });

  it('is stored when its estimate changes, but not for each message of a backlog', () => {
    const clock = clockBehind(3_600 * SECOND);
    expect(clock.toStore(NOW)).toBeUndefined();
    let stored = 0;
    for (let seq = 1; seq <= 1_000; seq++) {
      clock.receive(stock(seq, NOW - (3_600 - seq) * SECOND), NOW + seq);
      const behind = clock.toStore(NOW + seq);
      if (behind !== undefined) {
        clock.wasStored(behind, NOW + seq);
        stored++;
      }
    }
    expect(stored).toBe(1);
    expect(clock.toStore(NOW + 11 * SECOND)).toMatchObject({ now: 2_600 * SECOND + 1_000 });
  });
});
