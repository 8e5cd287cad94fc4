import { DEFAULT_TENANT } from '#kit/core/caller';
import type { DeviceMessage } from '#contracts/device-messages';
import type { Context } from '../definition';
import { deviceKey } from '../device-key';
import { shardOf } from '../presence/presence-shards';
import { readShard } from '../presence/presence-store';
import {
  type ClockOffset,
  type DeviceStarts,
  NO_STARTS,
  type Start,
  findStart,
  withClockOffset,
  withStart,
  withStartAsNewest,
  withStatusSeq,
} from './device-starts';

/** What the platform knows of a message's start and time. */
export interface MessageOrigin {
  /** The number of its start: higher for a later one. */
  readonly start: number;
  readonly statusSeq: number;
  /** When it was made, by the platform's clock, in milliseconds since the epoch. */
  readonly at: number;
  readonly behind: ClockOffset;
}

/**
 * Finds the start of a message, and its time by the platform's clock. The first message of a start records
 * it. Undefined if the start is earlier than those that are kept, or if it is unknown and the message is a
 * last will, which begins no start.
 */
export async function originOf(
  message: DeviceMessage,
  deviceId: string,
  tenantContext: Context,
): Promise<MessageOrigin | undefined> {
  const { clock, startMemory, caller } = tenantContext;
  const key = deviceKey({ tenantId: caller.tenantId, deviceId });
  const start = await findOrRecord(message, deviceId, key, tenantContext);
  if (start === undefined) return undefined;
  const { number, statusSeq } = start;
  const now = clock.now();
  const deviceClock = startMemory.clock(key, start);
  const { kind, seq } = message;
  const madeAt = Date.parse(message.at);
  // a last will is signed long before it arrives, so that it shows nothing about the clock
  const at = seq === 0 ? now : deviceClock.receive({ kind, seq, at: madeAt }, now);
  const { behind } = deviceClock;
  if (deviceClock.toStore(now) !== undefined) {
    await change(deviceId, tenantContext, (starts) =>
      withClockOffset(starts, message.boot, behind),
    );
    deviceClock.wasStored(behind, now);
  }
  return { start: number, statusSeq, at, behind };
}

/**
 * Makes a start the newest instead of the one that `reported` last; see withStartAsNewest. Returns its
 * number, or undefined if it stays an earlier one.
 */
export async function makeNewest(
  boot: string,
  reported: { readonly boot: string; readonly seq: number },
  deviceId: string,
  tenantContext: Context,
): Promise<number | undefined> {
  const starts = await change(deviceId, tenantContext, (known) =>
    withStartAsNewest(withStatusSeq(known, reported.boot, reported.seq), boot),
  );
  const newest = starts.recent.at(-1);
  return newest?.boot === boot ? newest.number : undefined;
}

async function findOrRecord(
  { boot, start: count, seq, at }: DeviceMessage,
  deviceId: string,
  key: string,
  tenantContext: Context,
): Promise<Start | undefined> {
  const { clock, startMemory, starts, log } = tenantContext;
  const inMemory = startMemory.starts(key);
  const known = inMemory && findStart(inMemory, boot);
  if (known !== undefined) return known;
  const stored = await starts.get(deviceId);
  if (stored !== undefined) startMemory.keep(key, stored);
  const recorded = stored && findStart(stored, boot);
  if (recorded !== undefined || seq === 0) return recorded;
  const behindMs = clock.now() - Date.parse(at);
  const reported = await lastReport(key, tenantContext);
  const changed = await change(deviceId, tenantContext, (current) => {
    const before = seeded(current, reported);
    const noted =
      reported === undefined ? before : withStatusSeq(before, reported.boot, reported.seq);
    return withStart(noted, { boot, count, behindMs });
  });
  const start = findStart(changed, boot);
  if (start !== undefined && Math.abs(behindMs) > WRONG_CLOCK_MS) {
    log.warn({ deviceId, behindMs }, 'the clock of a device is wrong, or its message is late');
  }
  return start;
}

/** An operator should look at a clock that is wrong by more than this. */
const WRONG_CLOCK_MS = 2 * 60_000;

/** The starts of a device that was known before starts were recorded begin with the one that it reported. */
function seeded(starts: DeviceStarts, reported: { boot: string } | undefined): DeviceStarts {
  if (starts !== NO_STARTS || reported === undefined) return starts;
  return withStart(starts, { boot: reported.boot, behindMs: 0 });
}

async function lastReport(key: string, tenantContext: Context) {
  const shard = await readShard(shardOf(key), tenantContext.forTenant(DEFAULT_TENANT));
  return shard[key]?.told;
}

/** Changes the stored starts of a device, and those in memory. The changes are idempotent by their data. */
async function change(
  deviceId: string,
  { starts, startMemory, caller }: Context,
  apply: (starts: DeviceStarts) => DeviceStarts,
): Promise<DeviceStarts> {
  const { document } = await starts.decide(deviceId, (current) => ({
    document: apply(current ?? NO_STARTS),
    outcome: undefined,
    selfIdempotent: true,
  }));
  startMemory.keep(deviceKey({ tenantId: caller.tenantId, deviceId }), document);
  return document;
}
