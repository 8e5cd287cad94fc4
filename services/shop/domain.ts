import { z } from 'zod';
import { type Caller, isCaller, requireRole } from '#kit/core/caller';
import { isoTimeAt } from '#kit/core/clock';
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
  /** The users and API keys, by id, that may manage the shop. Admins always may. */
  sellerIds: z.array(z.string()),
  createdAt: Time,
  updatedAt: Time,
});
export type Shop = z.infer<typeof Shop>;

/** A product that a shop sells. Without a price of its own, the catalogue's price applies. */
export const Offer = z.object({ productId: z.string(), price: Money.optional() });
export type Offer = z.infer<typeof Offer>;

export const DEVICE_KINDS = ['vending_machine', 'shelf', 'till', 'gateway'] as const;

/** A credential, without its secret: that is derived from the master key and the version. */
const Credential = z.object({
  version: z.int().positive(),
  /** The id of the call context that issued it. */
  madeBy: z.string(),
  /** Invalid from then on. Absent in the newest credential. */
  until: Time.optional(),
});

export const Device = z.object({
  deviceId: z.string(),
  shopId: z.string(),
  kind: z.enum(DEVICE_KINDS),
  name: z.string(),
  firmwareVersion: z.string().optional(),
  /** Newest first. */
  credentials: z.array(Credential).min(1),
  /** The newest status report. */
  seen: z.object({ status: z.enum(['online', 'offline']), at: Time }).optional(),
  lastSeen: Time.optional(),
  retiredAt: Time.optional(),
  /** The id of the call context that registered it. */
  registeredBy: z.string(),
  registeredAt: Time,
  updatedAt: Time,
});
export type Device = z.infer<typeof Device>;

/** Whether the caller may change the shop and see its devices. */
export function mayManage(caller: Caller, shop: Shop): boolean {
  if (caller.role === 'admin') return true;
  return caller.role === 'seller' && shop.sellerIds.some((id) => isCaller(caller, id));
}

/** Throws PERMISSION_DENIED if the caller may not manage the shop. */
export function requireManager(caller: Caller, shop: Shop): void {
  requireRole(caller, 'seller', 'admin');
  if (mayManage(caller, shop)) return;
  throw new MicroserviceError('the shop belongs to another seller', Code.PERMISSION_DENIED);
}

export function statusOf({ retiredAt, seen }: Device) {
  return retiredAt === undefined ? (seen?.status ?? 'unknown') : 'retired';
}

/** Throws FAILED_PRECONDITION if the device is retired. */
export function requireInUse({ retiredAt }: Device): void {
  if (retiredAt !== undefined) throw refused('retired', 'the device is retired');
}

type Changes<T> = { readonly [F in keyof T]?: T[F] | undefined };

/** Applies the changes that are not undefined. Returns the same document if nothing changes. */
export function withChanges<T extends { updatedAt: string }>(
  document: T,
  changes: Changes<T>,
  at: string,
): T {
  const given = Object.entries(changes).filter(([, value]) => value !== undefined);
  const next = { ...document, ...Object.fromEntries(given) };
  return JSON.stringify(next) === JSON.stringify(document) ? document : { ...next, updatedAt: at };
}

export interface StatusReport {
  readonly status: 'online' | 'offline';
  readonly at: string;
  readonly lastSeen?: string | undefined;
  readonly firmwareVersion?: string | undefined;
}

/**
 * Applies a status report. Returns the same device if it is retired or a report at least as new is
 * known.
 */
export function withStatus(device: Device, { status, at, ...report }: StatusReport): Device {
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

/** A credential stays valid this long after a renewal, so that the new one can reach the device. */
export const CREDENTIAL_OVERLAP_MS = 24 * 3_600_000;
/** Credentials of a device that can be valid at the same time. */
export const MAX_CREDENTIALS = 5;

/** The versions of the valid credentials, newest first. `now` is in milliseconds since the epoch. */
export function validVersions({ credentials }: Device, now: number): number[] {
  return credentials
    .filter(({ until }) => until === undefined || now < Date.parse(until))
    .map(({ version }) => version);
}

/**
 * Adds a credential. Returns the same device if this call context has already added one. With `atOnce`,
 * earlier credentials are invalid immediately, otherwise after the overlap. Throws FAILED_PRECONDITION
 * if the device is retired or has too many valid credentials.
 */
export function withNewCredential(
  device: Device,
  madeBy: string,
  atOnce: boolean,
  now: number,
): Device {
  requireInUse(device);
  const { credentials } = device;
  if (credentials.some((known) => known.madeBy === madeBy)) return device;
  const newest = credentials[0]?.version ?? 0;
  const until = isoTimeAt(now + CREDENTIAL_OVERLAP_MS);
  const valid = atOnce
    ? []
    : credentials.filter(({ version }) => validVersions(device, now).includes(version));
  if (valid.length >= MAX_CREDENTIALS) {
    throw refused(
      'renewed_too_often',
      `the device already has ${String(MAX_CREDENTIALS)} valid credentials; wait until one expires, or replace all of them with atOnce`,
    );
  }
  return {
    ...device,
    credentials: [
      { version: newest + 1, madeBy },
      ...valid.map((one) => ({ ...one, until: one.until ?? until })),
    ],
    updatedAt: isoTimeAt(now),
  };
}
