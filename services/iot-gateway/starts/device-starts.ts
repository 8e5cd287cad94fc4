import { hash } from 'node:crypto';
import { z } from 'zod';

// The starts of a device, in order. A device may have no clock, so that their order does not depend on one.
// docs/devices.md describes the rule.

/** The newest starts, whose messages are accepted. Inventory keeps the sequences of more. */
export const MAX_STARTS = 16;
/** Earlier starts that are remembered, so that a captured message of one does not begin a new start. */
const MAX_FORMER = 4_096;
/** A hash of a boot has 36 bits. */
const HASH_LENGTH = 6;

/** The milliseconds by which a device's clock is behind the platform's; negative if it is ahead. */
export const ClockOffset = z.object({
  /** The best estimate at present: the smallest delay of a message since the clock was last set back. */
  now: z.int(),
  /** The smallest and the largest estimate of this start. */
  least: z.int(),
  most: z.int(),
});
export type ClockOffset = z.infer<typeof ClockOffset>;

const Start = z.object({
  /** As the device names it. */
  boot: z.string(),
  /** Higher for a later start. */
  number: z.int(),
  /** The device's own number of the start, if it counts its starts. */
  count: z.int().optional(),
  /** The highest sequence number of a status of this start when a later start began. */
  statusSeq: z.int(),
  behind: ClockOffset,
});
export type Start = z.infer<typeof Start>;

/** The starts of a device. */
export const DeviceStarts = z.object({
  /** The newest starts, the last one at the end. */
  recent: z.array(Start).max(MAX_STARTS),
  /** The hashes of earlier starts, one after the other. */
  former: z.string().max(MAX_FORMER * HASH_LENGTH),
});
export type DeviceStarts = z.infer<typeof DeviceStarts>;

export const NO_STARTS: DeviceStarts = { recent: [], former: '' };

export function findStart({ recent }: DeviceStarts, boot: string): Start | undefined {
  return recent.find((start) => start.boot === boot);
}

/** A start that the platform has not seen before. */
export interface NewStart {
  readonly boot: string;
  readonly count?: number | undefined;
  readonly behindMs: number;
}

/**
 * Adds a start with its first message. It is the newest, whatever the clock of the device says, unless the
 * device counts its starts and has a later one. Returns the same object for a start that is known, and for
 * one that is earlier than all that are kept.
 */
export function withStart(starts: DeviceStarts, { boot, count, behindMs }: NewStart): DeviceStarts {
  if (findStart(starts, boot) !== undefined || isFormer(starts, boot)) return starts;
  const newest = starts.recent.at(-1);
  const number =
    count === undefined || newest?.count === undefined
      ? (newest?.number ?? 0) + 1
      : newest.number + count - newest.count;
  const behind = { now: behindMs, least: behindMs, most: behindMs };
  const start = { boot, number, statusSeq: 0, behind, ...(count === undefined ? {} : { count }) };
  return keepRecent([...starts.recent, start], starts);
}

/**
 * Makes an earlier start the newest. For a start that goes on sending while the newest one is silent: the
 * message of the newest one was an old one that was delayed. A device that counts its starts needs no such
 * guess, so nothing changes.
 */
export function withStartAsNewest(starts: DeviceStarts, boot: string): DeviceStarts {
  const start = findStart(starts, boot);
  const newest = starts.recent.at(-1);
  if (start === undefined || newest === undefined || newest === start) return starts;
  if (start.count !== undefined && newest.count !== undefined) return starts;
  const others = starts.recent.filter((other) => other !== start);
  return { ...starts, recent: [...others, { ...start, number: newest.number + 1 }] };
}

/** Notes the highest sequence number of a status of a start. */
export function withStatusSeq(starts: DeviceStarts, boot: string, seq: number): DeviceStarts {
  return withChange(starts, boot, (start) =>
    start.statusSeq >= seq ? start : { ...start, statusSeq: seq },
  );
}

export function withClockOffset(
  starts: DeviceStarts,
  boot: string,
  behind: ClockOffset,
): DeviceStarts {
  return withChange(starts, boot, (start) => ({ ...start, behind }));
}

function withChange(
  starts: DeviceStarts,
  boot: string,
  change: (start: Start) => Start,
): DeviceStarts {
  const start = findStart(starts, boot);
  const changed = start && change(start);
  if (changed === start || changed === undefined) return starts;
  return { ...starts, recent: starts.recent.map((one) => (one === start ? changed : one)) };
}

function keepRecent(all: readonly Start[], { recent, former }: DeviceStarts): DeviceStarts {
  const sorted = all.toSorted((one, other) => one.number - other.number);
  const kept = sorted.slice(-MAX_STARTS);
  const dropped = sorted.slice(0, -MAX_STARTS).filter((start) => recent.includes(start));
  // a start that is earlier than all that are kept is not remembered either
  if (dropped.length === 0 && sorted.length > MAX_STARTS) return { recent: [...recent], former };
  const hashes = dropped.map(({ boot }) => hashOf(boot)).join('');
  return { recent: kept, former: `${former}${hashes}`.slice(-MAX_FORMER * HASH_LENGTH) };
}

function isFormer({ former }: DeviceStarts, boot: string): boolean {
  const wanted = hashOf(boot);
  for (let at = former.indexOf(wanted); at >= 0; at = former.indexOf(wanted, at + 1)) {
    if (at % HASH_LENGTH === 0) return true;
  }
  return false;
}

function hashOf(boot: string): string {
  return hash('sha256', boot, 'base64url').slice(0, HASH_LENGTH);
}
