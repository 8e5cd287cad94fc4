import { describe, expect, jest, test } from '@jest/globals';
import { DAYS, OpeningHours, TimeZone, isOpen, nextOpening } from './opening-hours';

const BERLIN = 'Europe/Berlin';
const at = (time: string) => Date.parse(time);

const on = (day: OpeningHours['day'], opens: string, closes: string): OpeningHours => ({
  day,
  opens,
  closes,
});

describe('opening hours', () => {
  // 2026-01-05 is a Monday, when Berlin is an hour ahead of UTC
  test.each([
    ['2026-01-05T07:59:59Z', false],
    ['2026-01-05T08:00:00Z', true],
    ['2026-01-05T17:29:59Z', true],
    ['2026-01-05T17:30:00Z', false],
    ['2026-01-06T12:00:00Z', false],
  ])('are in the local time of the shop: %s', (time, open) => {
    expect(isOpen([on('monday', '09:00', '18:30')], BERLIN, at(time))).toBe(open);
  });

  test('are on the local day of the shop, not the day of UTC', () => {
    // Tuesday noon in Auckland is Monday evening in UTC
    const time = at('2026-01-05T23:00:00Z');
    expect(isOpen([on('tuesday', '09:00', '17:00')], 'Pacific/Auckland', time)).toBe(true);
    expect(isOpen([on('monday', '09:00', '24:00')], 'Pacific/Auckland', time)).toBe(false);
  });

  test('can have a break', () => {
    const hours = [on('monday', '09:00', '12:00'), on('monday', '14:00', '18:00')];
    expect(isOpen(hours, 'UTC', at('2026-01-05T13:00:00Z'))).toBe(false);
    expect(isOpen(hours, 'UTC', at('2026-01-05T14:00:00Z'))).toBe(true);
  });

  test('can go past midnight, also from Sunday to Monday', () => {
    const hours = [on('saturday', '22:00', '02:00'), on('sunday', '22:00', '02:00')];
    for (const [time, open] of [
      ['2026-01-03T21:59:00Z', false],
      ['2026-01-03T22:00:00Z', true],
      ['2026-01-04T00:00:00Z', true],
      ['2026-01-04T01:59:00Z', true],
      ['2026-01-04T02:00:00Z', false],
      ['2026-01-05T01:59:00Z', true],
      ['2026-01-06T01:00:00Z', false],
    ] as const) {
      expect([time, isOpen(hours, 'UTC', at(time))]).toEqual([time, open]);
    }
  });

  test('to 24:00 leave no gap before the next day', () => {
    const hours = DAYS.map((day) => on(day, '00:00', '24:00'));
    for (const time of ['2026-01-05T00:00:00Z', '2026-01-05T23:59:59.999Z']) {
      expect(isOpen(hours, 'UTC', at(time))).toBe(true);
    }
    const untilMidnight = [on('monday', '10:00', '24:00')];
    expect(isOpen(untilMidnight, 'UTC', at('2026-01-05T23:59:59Z'))).toBe(true);
    expect(isOpen(untilMidnight, 'UTC', at('2026-01-06T00:00:00Z'))).toBe(false);
  });

  test('skip the hour that does not exist when clocks go forward', () => {
    // in Berlin clocks go from 02:00 to 03:00 on 2026-03-29 at 01:00 UTC
    const night = [on('saturday', '22:00', '02:30')];
    expect(isOpen(night, BERLIN, at('2026-03-29T00:59:59Z'))).toBe(true);
    expect(isOpen(night, BERLIN, at('2026-03-29T01:00:00Z'))).toBe(false);
    const early = [on('sunday', '03:00', '04:00')];
    expect(isOpen(early, BERLIN, at('2026-03-29T00:59:59Z'))).toBe(false);
    expect(isOpen(early, BERLIN, at('2026-03-29T01:00:00Z'))).toBe(true);
  });

  test('repeat the hour that is repeated when clocks go back', () => {
    // in Berlin clocks go from 03:00 to 02:00 on 2026-10-25 at 01:00 UTC
    const hours = [on('sunday', '02:00', '02:30')];
    const open = ['2026-10-25T00:15:00Z', '2026-10-25T00:45:00Z', '2026-10-25T01:15:00Z'];
    expect(open.map((time) => isOpen(hours, BERLIN, at(time)))).toEqual([true, false, true]);
  });

  test('that are empty mean always open', () => {
    expect(isOpen([], BERLIN, at('2026-01-01T00:00:00Z'))).toBe(true);
  });

  test.each([
    on('monday', '9:00', '18:00'),
    on('monday', '24:00', '02:00'),
    on('monday', '09:00', '24:01'),
    on('monday', '09:60', '18:00'),
    on('monday', '09:00', '09:00'),
    { day: 'someday', opens: '09:00', closes: '18:00' },
  ])('are refused if they are invalid: %j', (hours) => {
    expect(OpeningHours.safeParse(hours).success).toBe(false);
  });
});

describe('a time zone', () => {
  test.each(['Europe/Berlin', 'America/Argentina/Buenos_Aires', 'Asia/Kathmandu', 'UTC'])(
    'can be %s',
    (zone) => {
      expect(TimeZone.safeParse(zone).success).toBe(true);
    },
  );

  test.each([
    ['europe/berlin', 'Europe/Berlin'],
    ['AMERICA/NEW_YORK', 'America/New_York'],
    ['utc', 'UTC'],
    ['Asia/Kolkata', 'Asia/Kolkata'],
  ])('is kept in its usual spelling: %s', (zone, kept) => {
    expect(TimeZone.parse(zone)).toBe(kept);
  });

  test('has one formatter, however it is spelled', () => {
    const made = jest.spyOn(Intl, 'DateTimeFormat');
    const letters = Array.from('antarctica/troll');
    for (let spelling = 0; spelling < 200; spelling++) {
      const zone = letters.map((letter, at) =>
        (spelling >> at) & 1 ? letter.toUpperCase() : letter,
      );
      expect(TimeZone.parse(zone.join(''))).toBe('Antarctica/Troll');
    }
    expect(made).toHaveBeenCalledTimes(1);
    made.mockRestore();
  });

  test.each(['', '+01:00', 'Mars/Olympus', 'Europe/Berlin ', 'x'.repeat(65)])(
    'cannot be %j',
    (zone) => {
      expect(TimeZone.safeParse(zone).success).toBe(false);
    },
  );
});

describe('the next opening', () => {
  const weekdays = DAYS.slice(0, 5).map((day) => on(day, '09:00', '18:30'));

  test.each([
    // Berlin is an hour ahead of UTC in winter, two in summer
    ['on the same day', weekdays, BERLIN, '2026-01-05T05:00:00Z', '2026-01-05T08:00:00.000Z'],
    ['on the next day', weekdays, BERLIN, '2026-01-05T20:00:00Z', '2026-01-06T08:00:00.000Z'],
    ['after a weekend', weekdays, BERLIN, '2026-01-09T18:00:00Z', '2026-01-12T08:00:00.000Z'],
    [
      'after a change of clocks',
      weekdays,
      BERLIN,
      '2026-03-28T12:00:00Z',
      '2026-03-30T07:00:00.000Z',
    ],
    [
      'of a week later',
      [on('monday', '09:00', '10:00')],
      'UTC',
      '2026-01-05T10:00:00Z',
      '2026-01-12T09:00:00.000Z',
    ],
    [
      'after a break',
      [on('monday', '09:00', '12:00'), on('monday', '14:00', '18:00')],
      'UTC',
      '2026-01-05T12:30:00Z',
      '2026-01-05T14:00:00.000Z',
    ],
    [
      'far east',
      [on('tuesday', '09:00', '17:00')],
      'Pacific/Auckland',
      '2026-01-05T06:00:00Z',
      '2026-01-05T20:00:00.000Z',
    ],
    [
      'past midnight',
      [on('sunday', '22:00', '02:00')],
      'UTC',
      '2026-01-05T03:00:00Z',
      '2026-01-11T22:00:00.000Z',
    ],
  ])('is found %s', (_, hours, zone, now, next) => {
    const opening = nextOpening(hours, zone, at(now)) ?? 0;
    expect(new Date(opening).toISOString()).toBe(next);
    expect(isOpen(hours, zone, opening)).toBe(true);
  });
});
