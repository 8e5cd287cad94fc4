import { z } from 'zod';
import { type Caller, isCaller, requireRole } from '#kit/core/caller';
import { isoTimeAt } from '#kit/core/clock';
import { Code, MicroserviceError, refused } from '#kit/core/errors';
import { Money } from '#retail/money';
import { OpeningHours, TimeZone } from './opening-hours';

const Time = z.iso.datetime();

export const CHANNELS = ['online', 'store', 'pickup', 'vending', 'marketplace'] as const;
export type Channel = (typeof CHANNELS)[number];

/** How a shop sells. The defaults are those of a new shop, and of one that was stored before it had any. */
export const ShopPolicies = z.object({
  sellsCatalogue: z.boolean().default(true),
  ordersWhenClosed: z.enum(['accept', 'refuse']).default('accept'),
  deliveryPaidBy: z.enum(['shop', 'buyer']).default('shop'),
  pickupHoldHours: z.int().min(1).max(720).default(72),
  returnDays: z.int().min(0).max(365).default(14),
});
export type ShopPolicies = z.infer<typeof ShopPolicies>;

export const Shop = z.object({
  shopId: z.string(),
  name: z.string(),
  channels: z.array(z.enum(CHANNELS)),
  timeZone: TimeZone,
  openingHours: z.array(OpeningHours),
  policies: ShopPolicies.prefault({}),
  /** The users and API keys, by id, that may manage the shop. Admins always may. */
  sellerIds: z.array(z.string()),
  createdAt: Time,
  updatedAt: Time,
});
export type Shop = z.infer<typeof Shop>;

/** A product that a shop sells, or has withdrawn. */
export const Offer = z.object({
  productId: z.string(),
  /** Absent: the catalogue's price applies. */
  price: Money.optional(),
  /** Absent: it is sold in all channels of the shop. */
  channels: z.array(z.enum(CHANNELS)).min(1).optional(),
  withdrawn: z.literal(true).optional(),
  /** Absent in offers that were stored before they had a time. */
  updatedAt: Time.optional(),
});
export type Offer = z.infer<typeof Offer>;

/** A product of the catalogue, as the newest event about it describes it. */
export const CatalogueEntry = z.object({
  productId: z.string(),
  name: z.string(),
  price: Money,
  /** Of that event; 0 if the product service was called before an event arrived. */
  sequence: z.int(),
});
export type CatalogueEntry = z.infer<typeof CatalogueEntry>;

/** The newer of two entries of a product. Returns the known one if it is at least as new. */
export function withNewerEntry(
  known: CatalogueEntry | undefined,
  entry: CatalogueEntry,
): CatalogueEntry {
  return known !== undefined && known.sequence >= entry.sequence ? known : entry;
}

/** Channels in which a shop sells to buyers who place orders or vends. */
export const ORDER_CHANNELS = ['online', 'store', 'pickup', 'vending'] as const;
type OrderChannel = (typeof ORDER_CHANNELS)[number];

/** Why a shop does not sell something: a code. */
export interface Refusal {
  readonly reason: 'channel_not_offered' | 'shop_closed' | 'not_offered' | 'offer_withdrawn';
  readonly message: string;
  /** Absent if it concerns the shop as a whole. */
  readonly productId?: string;
}

/**
 * Why an order in a channel cannot be placed now; undefined if it can. `channel` undefined: prices alone
 * are of interest, so that only the offers count. `open` is whether the shop is open now.
 */
export function refusalOf(
  { channels, policies }: Shop,
  offers: readonly (readonly [productId: string, offer: Offer | undefined])[],
  channel: OrderChannel | undefined,
  open: boolean,
): Refusal | undefined {
  if (channel !== undefined && !channels.includes(channel)) {
    return { reason: 'channel_not_offered', message: `the shop does not sell by ${channel}` };
  }
  // a machine sells by itself, whether or not the shop around it is open
  if (channel !== undefined && channel !== 'vending' && !open) {
    if (policies.ordersWhenClosed === 'refuse') {
      return { reason: 'shop_closed', message: 'the shop is closed' };
    }
  }
  for (const [productId, offer] of offers) {
    if (offer?.withdrawn) {
      const message = `the shop no longer sells ${productId}`;
      return { reason: 'offer_withdrawn', message, productId };
    }
    if (offer === undefined && !policies.sellsCatalogue) {
      return { reason: 'not_offered', message: `the shop does not sell ${productId}`, productId };
    }
    if (channel !== undefined && offer?.channels?.includes(channel) === false) {
      const message = `the shop does not sell ${productId} by ${channel}`;
      return { reason: 'channel_not_offered', message, productId };
    }
  }
  return undefined;
}

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
