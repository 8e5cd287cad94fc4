import { z } from 'zod';

/** In the order of the week. */
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

/** A local time of day, such as 09:00; as an end also 24:00. */
const Opens = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time such as 09:00');
const Closes = z
  .string()
  .regex(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, 'must be a time such as 18:30, 24:00 at most');

export const OpeningHours = z
  .object({ day: z.enum(DAYS), opens: Opens, closes: Closes })
  .refine(({ opens, closes }) => opens !== closes, {
    path: ['closes'],
    message: 'must be another time than opens; a whole day is 00:00 to 24:00',
  });
export type OpeningHours = z.infer<typeof OpeningHours>;

/** A zone of the IANA database, such as Europe/Berlin. */
export const TimeZone = z
  .string()
  .max(64)
  // an offset such as +01:00 knows no summer time
  .refine((zone) => /^[A-Za-z]/.test(zone) && isKnown(zone), {
    message: 'must be an IANA time zone such as Europe/Berlin',
  });

/**
 * Whether something with these hours is open at a moment (milliseconds since the epoch); always,
 * where there are none. What counts is what the clocks there show: an hour that is left out when
 * they are put forward is in no opening hours, and one that comes twice is in them twice.
 */
export function isOpen(hours: readonly OpeningHours[], timeZone: string, at: number): boolean {
  if (hours.length === 0) return true;
  const { day, minute } = localTime(timeZone, at);
  return hours.some((entry) => {
    const opens = minutes(entry.opens);
    const closes = minutes(entry.closes);
    if (opens < closes) return entry.day === day && opens <= minute && minute < closes;
    // over midnight
    if (entry.day === day) return opens <= minute;
    return dayAfter(entry.day) === day && minute < closes;
  });
}

function minutes(time: string): number {
  const [hours = 0, rest = 0] = time.split(':').map(Number);
  return hours * 60 + rest;
}

function dayAfter(day: Day): Day | undefined {
  return DAYS[(DAYS.indexOf(day) + 1) % DAYS.length];
}

/** What a clock on the wall there shows. */
function localTime(timeZone: string, at: number): { day: Day | undefined; minute: number } {
  const parts = new Map(
    formatOf(timeZone)
      .formatToParts(at)
      .map(({ type, value }) => [type, value]),
  );
  const name = parts.get('weekday')?.toLowerCase();
  const minute = Number(parts.get('hour')) * 60 + Number(parts.get('minute'));
  return { day: DAYS.find((day) => day === name), minute: minute % MINUTES_OF_DAY };
}

/** By the zone: one takes long to be made, and there are a few hundred zones. */
const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    weekday: 'long',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  formats.set(timeZone, format);
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
