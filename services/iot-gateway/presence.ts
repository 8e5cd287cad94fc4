import { z } from 'zod';
import type { MessageOf } from '#contracts/device-messages';

/** Who was silent for so long is offline: a device tells every 30 s that it is there. */
export const SILENT_MS = 90_000;
/** A connection that is lost may be made anew at once. */
export const WILL_GRACE_MS = 10_000;
/** Who came and went more often than this lately must be steady before it is said. */
const MOST_CHANGES = 3;
const LATELY_MS = 5 * 60_000;
const STEADY_MS = 60_000;
/** Who was silent for so long is forgotten. */
const FORGOTTEN_MS = 30 * 24 * 60 * 60_000;

const NEVER = new Date(0).toISOString();

const State = z.enum(['unknown', 'online', 'offline']);
const Time = z.iso.datetime();

/** What a device told of itself last, and when it was heard. */
export const Told = z.object({
  status: z.enum(['online', 'offline']),
  boot: z.string(),
  seq: z.int(),
  /** By the device's clock. */
  at: Time,
  firmwareVersion: z.string().optional(),
});
export type Told = z.infer<typeof Told>;

/** Whether a device is there, as it was found out. */
export const Presence = z.object({
  tenantId: z.string(),
  deviceId: z.string(),
  shopId: z.string(),
  state: State,
  since: Time,
  /** How often it came and went. */
  number: z.int(),
  /** When it came and went lately. */
  changes: z.array(Time),
  lastSeen: Time,
  told: Told,
  /** When it was heard that its connection is lost. */
  will: Time.optional(),
  /** What the world was told, and the number of that change. */
  said: z.object({
    state: State,
    number: z.int().default(0),
    firmwareVersion: z.string().optional(),
  }),
  /** The change that somebody set out to tell; after a crash nobody knows how far they came. */
  telling: z.int().default(0),
});
export type Presence = z.infer<typeof Presence>;

/** What was heard of a device since it was written down last. */
export interface Heard {
  readonly tenantId: string;
  readonly deviceId: string;
  readonly shopId: string;
  readonly lastSeen: string;
  /** Absent where it told of something else only. */
  readonly told?: Told | undefined;
}

export function toldIn({ boot, seq, at, data }: MessageOf<'status'>): Told {
  const { status, firmwareVersion } = data;
  return { status, boot, seq, at, ...(firmwareVersion === undefined ? {} : { firmwareVersion }) };
}

/** Whether the one was told after the other: by their numbers, or of two boots by the clock. */
export function isNewer(one: Told, other: Told): boolean {
  return one.boot === other.boot ? one.seq > other.seq : one.at > other.at;
}

/** The presence with what was heard; the same where there is nothing new. */
export function heard(
  known: Presence | undefined,
  { tenantId, deviceId, shopId, lastSeen, told }: Heard,
): Presence | undefined {
  if (known === undefined) {
    // who told of something else will tell soon that it is there
    if (told === undefined) return undefined;
    const said = { state: 'unknown', number: 0 } as const;
    const unheard = { state: 'unknown', said, telling: 0 } as const;
    const fresh = { ...unheard, changes: [], since: NEVER, number: 0 };
    return changed({ tenantId, deviceId, shopId, lastSeen, told, ...fresh }, told.status, lastSeen);
  }
  const seen = lastSeen > known.lastSeen ? { ...known, shopId, lastSeen } : known;
  if (told === undefined || !isNewer(told, known.told)) return seen;
  const firmwareVersion = told.firmwareVersion ?? known.told.firmwareVersion;
  const now = { ...told, ...(firmwareVersion === undefined ? {} : { firmwareVersion }) };
  return changed({ ...seen, told: now }, told.status, lastSeen);
}

/** The presence with a last will; the same where it is of another start of the device. */
export function willed(known: Presence, boot: string, at: string): Presence {
  return known.told.boot === boot && known.state !== 'offline' ? { ...known, will: at } : known;
}

/** The presence as time has made it; undefined where it is forgotten. */
export function aged(known: Presence, at: string): Presence | undefined {
  const now = Date.parse(at);
  const silent = now - Date.parse(known.lastSeen);
  if (silent >= FORGOTTEN_MS && !isDue(known, at)) return undefined;
  if (known.state !== 'online') return known;
  const { will, ...rest } = known;
  const isVoid = will !== undefined && known.lastSeen > will;
  const isLost = will !== undefined && !isVoid && now - Date.parse(will) >= WILL_GRACE_MS;
  if (isLost || silent >= SILENT_MS) return changed(rest, 'offline', at);
  return isVoid ? rest : known;
}

/** Whether there is something to be said of it. */
export function isDue(known: Presence, at: string): boolean {
  const { since, said, told } = known;
  if (told.firmwareVersion !== said.firmwareVersion) return true;
  if (!isNews(known)) return false;
  const isSteady = Date.parse(at) - Date.parse(since) >= STEADY_MS;
  return isSteady || lately(known.changes, at).length <= MOST_CHANGES;
}

/**
 * The presence as it is kept before what is due of it is told: should whoever tells it be killed,
 * it is told again, also where the device has changed back meanwhile.
 */
export function aboutToTell(known: Presence, at: string): Presence {
  const { number, telling } = known;
  return isNews(known) && telling !== number && isDue(known, at)
    ? { ...known, telling: number }
    : known;
}

/** Whether its state is not what the world was told, as far as that is certain. */
export function isNews({ state, said, telling }: Presence): boolean {
  return state !== said.state || telling > said.number;
}

/** The presence once this of it was said; what was said later stands. */
export function saidOf(known: Presence, { state, number, told }: Presence): Presence {
  if (number < known.said.number) return known;
  const { firmwareVersion } = told;
  const said = { state, number, ...(firmwareVersion === undefined ? {} : { firmwareVersion }) };
  return { ...known, said };
}

function changed(known: Presence, state: 'online' | 'offline', at: string): Presence {
  if (known.state === state) return known;
  const { will: _, ...rest } = known;
  // one more than matters tells that there were more
  const changes = [...lately(known.changes, at), at].slice(-MOST_CHANGES - 1);
  // later than the change before it, though it was heard earlier: the shop goes by that
  const next = new Date(Date.parse(known.since) + 1).toISOString();
  const since = at > next ? at : next;
  return { ...rest, state, since, number: rest.number + 1, changes };
}

function lately(changes: readonly string[], at: string): string[] {
  return changes.filter((change) => Date.parse(at) - Date.parse(change) < LATELY_MS);
}
