import { z } from 'zod';
import { type Caller, requireRole } from '#kit/core/caller';
import { Code, MicroserviceError, refused } from '#kit/core/errors';
import { Money } from '#retail/money';
import { OpeningHours, TimeZone } from './opening-hours';

const Time = z.iso.datetime();

export const CHANNELS = ['online', 'store', 'vending', 'marketplace'] as const;

export const Shop = z.object({
  shopId: z.string(),
  name: z.string(),
  channels: z.array(z.enum(CHANNELS)),
  timeZone: TimeZone,
  openingHours: z.array(OpeningHours),
  /** Who may change it, besides admins: users, and API keys by their ids. */
  sellerIds: z.array(z.string()),
  createdAt: Time,
  updatedAt: Time,
});
export type Shop = z.infer<typeof Shop>;

/** A product that a shop sells; at the catalogue's price, where it has no own. */
export const Offer = z.object({ productId: z.string(), price: Money.optional() });
export type Offer = z.infer<typeof Offer>;

export const DEVICE_KINDS = ['vending_machine', 'shelf', 'till', 'gateway'] as const;

/** Which of the credentials that follow from the master key are good. */
const Credential = z.object({
  version: z.int().positive(),
  /** The cause under which it was made. */
  madeBy: z.string(),
  /** No longer good from then on; absent in the newest. */
  until: Time.optional(),
});

export const Device = z.object({
  deviceId: z.string(),
  shopId: z.string(),
  kind: z.enum(DEVICE_KINDS),
  name: z.string(),
  firmwareVersion: z.string().optional(),
  /** The newest first. */
  credentials: z.array(Credential).min(1),
  /** As it was found last, and when. */
  seen: z.object({ status: z.enum(['online', 'offline']), at: Time }).optional(),
  lastSeen: Time.optional(),
  retiredAt: Time.optional(),
  /** The cause under which it was. */
  registeredBy: z.string(),
  registeredAt: Time,
  updatedAt: Time,
});
export type Device = z.infer<typeof Device>;

/** Whether the caller may change a shop, and see what is in it. */
export function mayManage(caller: Caller, shop: Shop): boolean {
  if (caller.role === 'admin') return true;
  return caller.role === 'seller' && shop.sellerIds.includes(caller.userId);
}

/** Refuses who may not change this shop. */
export function assertManager(caller: Caller, shop: Shop): void {
  requireRole(caller, 'seller', 'admin');
  if (mayManage(caller, shop)) return;
  throw new MicroserviceError('the shop is another seller’s', Code.PERMISSION_DENIED);
}

export function statusOf({ retiredAt, seen }: Device) {
  return retiredAt === undefined ? (seen?.status ?? 'unknown') : 'retired';
}

export function assertInUse({ retiredAt }: Device): void {
  if (retiredAt !== undefined) throw refused('retired', 'the device is retired');
}

type Changes<T> = { readonly [F in keyof T]?: T[F] | undefined };

/** The document with those fields that are given; the same document where nothing is new. */
export function changed<T extends { updatedAt: string }>(
  document: T,
  changes: Changes<T>,
  at: string,
): T {
  const given = Object.entries(changes).filter(([, value]) => value !== undefined);
  const next = { ...document, ...Object.fromEntries(given) };
  return JSON.stringify(next) === JSON.stringify(document) ? document : { ...next, updatedAt: at };
}

export interface Report {
  readonly status: 'online' | 'offline';
  readonly at: string;
  readonly lastSeen?: string | undefined;
  readonly firmwareVersion?: string | undefined;
}

/** The device as it was found; the same device where as new a report is known, or it is retired. */
export function reported(device: Device, { status, at, ...report }: Report): Device {
  if (device.retiredAt !== undefined) return device;
  if (device.seen !== undefined && Date.parse(device.seen.at) >= Date.parse(at)) return device;
  const { lastSeen = device.lastSeen, firmwareVersion = device.firmwareVersion } = report;
  return {
    ...device,
    seen: { status, at },
    ...(lastSeen === undefined ? {} : { lastSeen }),
    ...(firmwareVersion === undefined ? {} : { firmwareVersion }),
  };
}

/** How long a credential is good after another was made, so that the device can be told that one. */
export const OVERLAP_MS = 24 * 3_600_000;
/** So many may be good at a time. */
export const MAX_CREDENTIALS = 5;

/** The versions of the credentials that are good, the newest first. */
export function goodVersions({ credentials }: Device, now: number): number[] {
  return credentials
    .filter(({ until }) => until === undefined || now < Date.parse(until))
    .map(({ version }) => version);
}

/**
 * The device with one more credential; the same device, where this cause has made one. `atOnce`:
 * those of before are good no longer.
 */
export function renewed(device: Device, madeBy: string, atOnce: boolean, now: number): Device {
  assertInUse(device);
  const { credentials } = device;
  if (credentials.some((known) => known.madeBy === madeBy)) return device;
  const newest = credentials[0]?.version ?? 0;
  const until = new Date(now + OVERLAP_MS).toISOString();
  const good = atOnce
    ? []
    : credentials.filter(({ version }) => goodVersions(device, now).includes(version));
  if (good.length >= MAX_CREDENTIALS) {
    throw refused('renewed_too_often', `${String(MAX_CREDENTIALS)} credentials are good yet`);
  }
  return {
    ...device,
    credentials: [
      { version: newest + 1, madeBy },
      ...good.map((one) => ({ ...one, until: one.until ?? until })),
    ],
    updatedAt: new Date(now).toISOString(),
  };
}
