import { LRUCache } from 'lru-cache';
import { z } from 'zod';

/** In the order of a week. */
export const DAYS = [
  'monday',
  'tuesday',
  'wednesday',
  'thursday',
  'friday',
  'saturday',
  'sunday',
] as const;
type Day = (typeof DAYS)[number];

const MINUTES_OF_DAY = 24 * 60;

/** A local time of day, such as 09:00. A closing time can be 24:00. */
const Opens = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time such as 09:00');
const Closes = z
  .string()
  .regex(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, 'must be a time such as 18:30, at most 24:00');

export const OpeningHours = z
  .object({ day: z.enum(DAYS), opens: Opens, closes: Closes })
  .refine(({ opens, closes }) => opens !== closes, {
    path: ['closes'],
    message: 'must differ from opens; a whole day is 00:00 to 24:00',
  });
export type OpeningHours = z.infer<typeof OpeningHours>;

/** A time zone of the IANA database, such as Europe/Berlin, in the usual spelling. */
export const TimeZone = z
  .string()
  .max(64)
  // an offset such as +01:00 has no daylight saving time
  .refine((zone) => /^[A-Za-z]/.test(zone) && isKnown(zone), {
    message: 'must be an IANA time zone such as Europe/Berlin',
  })
  .transform(usualSpelling);

/**
 * Whether a shop is open at a time, in milliseconds since the epoch. Without opening hours it is always
 * open. Local time decides: an hour that is skipped when clocks go forward is never open, and an hour
 * that is repeated when they go back is open twice.
 */
export function isOpen(hours: readonly OpeningHours[], timeZone: string, at: number): boolean {
  if (hours.length === 0) return true;
  const { day, minute } = localTime(timeZone, at);
  return hours.some((entry) => {
    const opens = minutes(entry.opens);
    const closes = minutes(entry.closes);
    if (opens < closes) return entry.day === day && opens <= minute && minute < closes;
    // past midnight
    if (entry.day === day) return opens <= minute;
    return dayAfter(entry.day) === day && minute < closes;
  });
}

/**
 * When a shop that is closed at a time opens next, in milliseconds since the epoch. Where clocks go
 * forward over an opening time, the shop opens up to an hour earlier than returned.
 */
export function nextOpening(
  hours: readonly OpeningHours[],
  timeZone: string,
  at: number,
): number | undefined {
  const { year, month, date } = localTime(timeZone, at);
  const openings = hours.flatMap(({ opens }) =>
    Array.from({ length: 9 }, (_, days) => {
      const wall = Date.UTC(year, month - 1, date + days, 0, minutes(opens));
      // the zone's offset at about that time, and then exactly
      const about = wall - offset(timeZone, wall);
      return wall - offset(timeZone, about);
    }),
  );
  return openings
    .filter((opening) => opening > at && isOpen(hours, timeZone, opening))
    .sort((one, other) => one - other)[0];
}

/** The milliseconds by which local time is ahead of UTC. */
function offset(timeZone: string, at: number): number {
  const { year, month, date, minute } = localTime(timeZone, at);
  const toMinute = Math.floor(at / 60_000) * 60_000;
  return Date.UTC(year, month - 1, date, 0, minute) - toMinute;
}

function minutes(time: string): number {
  const [hours = 0, rest = 0] = time.split(':').map(Number);
  return hours * 60 + rest;
}

function dayAfter(day: Day): Day | undefined {
  return DAYS[(DAYS.indexOf(day) + 1) % DAYS.length];
}

/** The local date and weekday, and the minutes since local midnight. */
function localTime(timeZone: string, at: number) {
  const parts = new Map(
    formatOf(timeZone)
      .formatToParts(at)
      .map(({ type, value }) => [type, value]),
  );
  const name = parts.get('weekday')?.toLowerCase();
  const minute = Number(parts.get('hour')) * 60 + Number(parts.get('minute'));
  return {
    year: Number(parts.get('year')),
    month: Number(parts.get('month')),
    date: Number(parts.get('day')),
    day: DAYS.find((day) => day === name),
    minute: minute % MINUTES_OF_DAY,
  };
}

/** By time zone, in lower case: a zone has any number of spellings. A formatter is slow to create, and large. */
const formats = new LRUCache<string, Intl.DateTimeFormat>({ max: 100 });

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const name = timeZone.toLowerCase();
  const known = formats.get(name);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    weekday: 'long',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  formats.set(name, format);
  return format;
}

function isKnown(timeZone: string): boolean {
  try {
    formatOf(timeZone);
    return true;
  } catch {
    return false;
  }
}

/** A name for the same zone that differs in more than case, such as Asia/Kolkata, is the choice of its sender. */
function usualSpelling(timeZone: string): string {
  const usual = formatOf(timeZone).resolvedOptions().timeZone;
  return usual.toLowerCase() === timeZone.toLowerCase() ? usual : timeZone;
}
