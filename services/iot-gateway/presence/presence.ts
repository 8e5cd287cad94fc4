import { z } from 'zod';
import { isAfter } from '#kit/core/timestamps';
import type { MessageOf } from '#contracts/device-messages';

/** A device without a message for this long is offline. It sends its status every 30 s. */
export const OFFLINE_AFTER_MS = 90_000;
/** Time for a device to reconnect after its last will. */
export const WILL_GRACE_MS = 10_000;
/** After more changes than this within CHANGE_WINDOW_MS, only a stable status is published. */
const MAX_CHANGES = 3;
const CHANGE_WINDOW_MS = 5 * 60_000;
const STABLE_MS = 60_000;
/** A start without a status for this long is silent: a device reports its status every 30 s. */
const SILENT_START_MS = 60_000;
/** The presence of a device without a message for this long is removed. */
const FORGET_AFTER_MS = 30 * 24 * 60 * 60_000;

const NEVER = new Date(0).toISOString();

const State = z.enum(['unknown', 'online', 'offline']);
const Time = z.iso.datetime();

/** The status that a device reported. */
export const StatusReport = z.object({
  status: z.enum(['online', 'offline']),
  boot: z.string(),
  /** The number of its start: higher for a later one. 0 in data of earlier releases. */
  start: z.int().default(0),
  seq: z.int(),
  /** By the device's clock. */
  at: Time,
  /** When it arrived. Absent in data of earlier releases. */
  heard: Time.optional(),
  firmwareVersion: z.string().optional(),
});
export type StatusReport = z.infer<typeof StatusReport>;

/** The presence of a device, as the platform knows it. The names of the fields are those of stored data. */
export const Presence = z.object({
  tenantId: z.string(),
  deviceId: z.string(),
  shopId: z.string(),
  state: State,
  /** When the state changed. */
  since: Time,
  /** The number of changes of the state. */
  number: z.int(),
  /** The times of the recent changes. */
  changes: z.array(Time),
  lastSeen: Time,
  /** The newest status report. */
  told: StatusReport,
  /** When the last will arrived, if the device has not sent anything since. */
  will: Time.optional(),
  /** When the newest last will was signed, by the device's clock. An earlier one is a repetition. */
  willSigned: Time.optional(),
  /** The state that was published last, and the number of that change. */
  said: z.object({
    state: State,
    number: z.int().default(0),
    firmwareVersion: z.string().optional(),
  }),
  /** The number of the change whose publication began. After a crash it is unknown whether it ended. */
  telling: z.int().default(0),
});
export type Presence = z.infer<typeof Presence>;

/** What a process learned about a device since it stored the presence. */
export interface PresenceUpdate {
  readonly tenantId: string;
  readonly deviceId: string;
  readonly shopId: string;
  readonly lastSeen: string;
  /** The number of the start of the message. */
  readonly start: number;
  /** Absent if the device sent other messages only. */
  readonly report?: StatusReport | undefined;
}

/** A status report that arrived at a time (`heard`), of a start with this number. */
export function toStatusReport(
  { boot, seq, at, data }: MessageOf<'status'>,
  start: number,
  heard: string,
): StatusReport {
  const { status, firmwareVersion: version } = data;
  const firmwareVersion = version === undefined ? {} : { firmwareVersion: version };
  return { status, boot, start, seq, at, heard, ...firmwareVersion };
}

/** Sequence numbers order the reports of one start, and the numbers of the starts those of two. */
function isNewer(one: StatusReport, other: StatusReport): boolean {
  return one.boot === other.boot ? one.seq > other.seq : one.start > other.start;
}

/** Whether the start that reported last has been silent, so that it may not be the newest one. */
export function isStartSilent({ told: report }: Presence, now: number): boolean {
  return report.heard === undefined || now - Date.parse(report.heard) >= SILENT_START_MS;
}

/** Applies an update; returns the same object if it contains nothing new. */
export function withUpdate(
  known: Presence | undefined,
  { tenantId, deviceId, shopId, lastSeen, start, report }: PresenceUpdate,
): Presence | undefined {
  if (known === undefined) {
    // a device that sends other messages will report its status soon
    if (report === undefined) return undefined;
    const initial: Presence = {
      tenantId,
      deviceId,
      shopId,
      state: 'unknown',
      since: NEVER,
      number: 0,
      changes: [],
      lastSeen,
      told: report,
      said: { state: 'unknown', number: 0 },
      telling: 0,
    };
    return withState(initial, report.status, lastSeen);
  }
  // a delayed message of an earlier start does not show that the device is connected
  const isPresent = start >= known.told.start && isAfter(lastSeen, known.lastSeen);
  const seen = isPresent ? { ...known, shopId, lastSeen } : known;
  if (report === undefined || !isNewer(report, known.told)) return seen;
  const firmwareVersion = report.firmwareVersion ?? known.told.firmwareVersion;
  const told = { ...report, ...(firmwareVersion === undefined ? {} : { firmwareVersion }) };
  return withState({ ...seen, told }, report.status, lastSeen);
}

/**
 * Notes a last will. Returns the same object if the will is of another start than the newest report, or was
 * signed before another one or with it: a device signs a new will for each connection, so it is then a
 * repetition. If the clock of the device was set back after that other one, an earlier time shows nothing.
 */
export function withLastWill(
  known: Presence,
  { boot, at: signed }: Pick<StatusReport, 'boot' | 'at'>,
  at: string,
): Presence {
  if (known.told.boot !== boot || isRepeated(signed, known)) return known;
  const noted = { ...known, willSigned: signed };
  return known.state === 'offline' ? noted : { ...noted, will: at };
}

function isRepeated(signed: string, { willSigned, told: report }: Presence): boolean {
  if (willSigned === undefined || isAfter(signed, willSigned)) return false;
  const wasSetBack = isAfter(willSigned, report.at);
  return !wasSetBack || !isAfter(willSigned, signed);
}

/** The presence at a time: silent devices are offline; undefined if it is to be removed. */
export function presenceAt(known: Presence, at: string): Presence | undefined {
  const now = Date.parse(at);
  const silentMs = now - Date.parse(known.lastSeen);
  if (silentMs >= FORGET_AFTER_MS && !isPublicationDue(known, at)) return undefined;
  if (known.state !== 'online') return known;
  const { will, ...rest } = known;
  const isVoid = will !== undefined && isAfter(known.lastSeen, will);
  const isLost = will !== undefined && !isVoid && now - Date.parse(will) >= WILL_GRACE_MS;
  if (isLost || silentMs >= OFFLINE_AFTER_MS) return withState(rest, 'offline', at);
  return isVoid ? rest : known;
}

/** Whether a new state or firmware version must be published now. */
export function isPublicationDue(known: Presence, at: string): boolean {
  const { since, said: published, told: report } = known;
  if (report.firmwareVersion !== published.firmwareVersion) return true;
  if (!hasUnpublishedState(known)) return false;
  const isStable = Date.parse(at) - Date.parse(since) >= STABLE_MS;
  return isStable || recentChanges(known.changes, at).length <= MAX_CHANGES;
}

/**
 * Notes that the publication of a due change begins. This is stored before the change is published. If
 * the process dies, the state is published again, even if the device has changed back meanwhile.
 */
export function withPublicationBegun(known: Presence, at: string): Presence {
  const { number, telling } = known;
  return hasUnpublishedState(known) && telling !== number && isPublicationDue(known, at)
    ? { ...known, telling: number }
    : known;
}

/** Whether the state is not known to be published. */
export function hasUnpublishedState({ state, said: published, telling }: Presence): boolean {
  return state !== published.state || telling > published.number;
}

/** Notes that a state was published, unless a later one was. */
export function withPublished(
  known: Presence,
  { state, number, told: report }: Presence,
): Presence {
  if (number < known.said.number) return known;
  const { firmwareVersion } = report;
  const said = { state, number, ...(firmwareVersion === undefined ? {} : { firmwareVersion }) };
  return { ...known, said };
}

function withState(known: Presence, state: 'online' | 'offline', at: string): Presence {
  if (known.state === state) return known;
  const { will: _, ...rest } = known;
  // one more than the limit is enough to know that it is exceeded
  const changes = [...recentChanges(known.changes, at), at].slice(-MAX_CHANGES - 1);
  // The shop service keeps the state with the latest time. A message that arrived before this device
  // was found silent may be stored after that, and must still be the later change.
  const next = new Date(Date.parse(known.since) + 1).toISOString();
  const since = isAfter(at, next) ? at : next;
  return { ...rest, state, since, number: rest.number + 1, changes };
}

function recentChanges(changes: readonly string[], at: string): string[] {
  return changes.filter((change) => Date.parse(at) - Date.parse(change) < CHANGE_WINDOW_MS);
}
