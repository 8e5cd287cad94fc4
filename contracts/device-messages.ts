import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { EntityId, Quantity, Reason, Time } from '#contracts/fields';
import { isShown } from '#retail/text';

// The messages between devices and the platform, over any transport: topics of a broker
// (docs/devices.md) or a stream. A message is signed by its device and contains no secret, so it can be
// stored as it is.

/** The kinds of messages that devices publish. */
export const KINDS = ['status', 'telemetry', 'stock', 'sale', 'ack'] as const;
export type Kind = (typeof KINDS)[number];

/** The maximum size of a message, in bytes. */
export const MAX_MESSAGE_BYTES = 64 * 1024;

/** The topic of a device and a kind of message. The platform publishes on `command`. */
export interface Topic {
  readonly tenantId: string;
  readonly deviceId: string;
  readonly kind: Kind | 'command';
}

const TOPIC = /^retail\/([\w-]{1,64})\/([\w-]{1,64})\/(status|telemetry|stock|sale|ack|command)$/;

export function topicText({ tenantId, deviceId, kind }: Topic): string {
  return `retail/${tenantId}/${deviceId}/${kind}`;
}

/** Undefined if the text is not a topic of a device. */
export function readTopic(text: string): Topic | undefined {
  const [, tenantId = '', deviceId = '', kind] = TOPIC.exec(text) ?? [];
  // TOPIC matches these kinds only
  return kind === undefined ? undefined : { tenantId, deviceId, kind: kind as Topic['kind'] };
}

/** The topic for which a device signs the challenge of a stream. No message has it. */
export function streamTopic({ tenantId, deviceId }: Pick<Topic, 'tenantId' | 'deviceId'>): string {
  return `retail/${tenantId}/${deviceId}/stream`;
}

/** Whether one of the keys made this signature of a line for a topic. Compares in constant time. */
export function isSignature(
  keys: readonly string[],
  topic: string,
  line: string,
  signature: string,
): boolean {
  const given = Buffer.from(signature);
  return keys.some((key) => {
    const right = Buffer.from(signatureOf(key, topic, line));
    return right.length === given.length && timingSafeEqual(right, given);
  });
}

/** The signature of a line for a topic: HMAC-SHA256 in base64url without padding. */
export function signatureOf(key: string, topic: string, line: string): string {
  return createHmac('sha256', key).update(`${topic}\n${line}`).digest('base64url');
}

/** A message in the form for the wire: a line of JSON, a newline, and its signature. */
export function signedMessage(key: string, topic: string, message: unknown): string {
  const line = JSON.stringify(message);
  return `${line}\n${signatureOf(key, topic, line)}`;
}

/** The line of a message, or undefined unless one of the keys signed it for this topic. */
export function signedLine(
  keys: readonly string[],
  topic: string,
  payload: string,
): string | undefined {
  const end = payload.lastIndexOf('\n');
  const line = payload.slice(0, Math.max(end, 0));
  return isSignature(keys, topic, line, payload.slice(end + 1)) ? line : undefined;
}

const Fault = z.object({ code: Reason, slot: EntityId.optional() });

const Status = z.object({
  status: z.enum(['online', 'offline']),
  firmwareVersion: z.string().min(1).max(64).optional(),
  /** All current faults. Absent when they have not changed since the last report. */
  faults: z.array(Fault).max(100).optional(),
  /** Set in the last will, which the broker publishes when the connection is lost. Its `seq` is 0. */
  will: z.boolean().default(false),
});

const Telemetry = z
  .record(z.string().min(1).max(64), z.number())
  .refine((values) => Object.keys(values).length <= 64, 'must have at most 64 values');

const Stock = z.discriminatedUnion('mode', [
  z.object({ mode: z.literal('count'), productId: EntityId, pieces: z.int().nonnegative() }),
  z.object({ mode: z.literal('delta'), productId: EntityId, change: z.int() }),
]);

const Sale = z.object({
  saleId: EntityId,
  productId: EntityId,
  quantity: Quantity,
  slot: EntityId.optional(),
  paidMinor: z.int().nonnegative().optional(),
});

const Ack = z.object({
  commandId: EntityId,
  outcome: z.enum(['acknowledged', 'failed']),
  reason: Reason.optional(),
});

/**
 * The schemas of each kind's data, by version, beginning with 1. Each returns data of the newest
 * version. Keep the schemas of earlier versions that devices still send, with an upcaster:
 * `Sale1.transform(upcast).pipe(Sale)`.
 */
const READERS = {
  status: [Status],
  telemetry: [Telemetry],
  stock: [Stock],
  sale: [Sale],
  ack: [Ack],
} as const satisfies Record<Kind, readonly z.ZodType[]>;

const Envelope = z.object({
  v: z.int().positive(),
  /** Identifies a start of the device. */
  boot: z.string().regex(/^[\w-]{1,64}$/),
  /**
   * The number of the start, if the device counts its starts and keeps the number over a restart. It orders
   * the starts exactly; otherwise they are in the order in which their first messages arrive.
   */
  start: z.int32().positive().optional(),
  /** Counts from 1 for each boot and kind; 0 is a last will. */
  seq: z.int32().nonnegative(),
  /** Time of the reading, by the device's clock, which may be wrong. */
  at: Time,
  data: z.unknown(),
});

/**
 * The largest numbers that a device may send. They are checked after parsing, because the schemas of
 * released versions must stay as they are. A stock holds at most 1,000,000,000 pieces.
 */
export const DEVICE_LIMITS = {
  /** Of a count, and of a delta in either direction: as many as a seller may add by hand. */
  pieces: 1_000_000,
  /** Of a sale: as many as an order may have of a product. */
  quantity: 1_000,
  /** In minor units of the currency. */
  paidMinor: 1_000_000_000,
  /** Of a measurement, in either direction. Sums of larger numbers are not exact. */
  measurement: Number.MAX_SAFE_INTEGER,
} as const;

/** A message of a device, in the newest version. */
export type DeviceMessage = {
  [K in Kind]: Readonly<{ kind: K; boot: string; start?: number; seq: number; at: string }> & {
    readonly data: z.output<(typeof READERS)[K][number]>;
  };
}[Kind];

export type MessageOf<K extends Kind> = Extract<DeviceMessage, { kind: K }>;

type StockData = MessageOf<'stock'>['data'];
type SaleData = MessageOf<'sale'>['data'];

/** The ids of the platform. */
const PLATFORM_ID = /^[\w-]{1,64}$/;

/**
 * Whether every text of a message can be stored and used as a part of a key: ids of the platform have their
 * form, and every character of another text is shown. A database may refuse control characters and halves of
 * surrogate pairs, and the message would then be retried in vain; texts of devices are also shown to people.
 */
export function hasStorableTexts({ data }: Pick<DeviceMessage, 'data'>): boolean {
  return Object.entries(data).every(([name, value]) => isStorable(name, value));
}

function isStorable(name: string, value: unknown): boolean {
  if (Array.isArray(value)) return value.every((item) => isStorable(name, item));
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value).every(([inner, each]) => isStorable(inner, each));
  }
  if (!isShown(name)) return false;
  if (typeof value !== 'string') return true;
  return name === 'productId' || name === 'commandId' ? PLATFORM_ID.test(value) : isShown(value);
}

/** Whether the number of pieces in a report is within DEVICE_LIMITS. */
export function isStockWithinLimits(data: StockData): boolean {
  const pieces = data.mode === 'count' ? data.pieces : data.change;
  return Math.abs(pieces) <= DEVICE_LIMITS.pieces;
}

/** Whether the quantity and the amount of a sale are within DEVICE_LIMITS. */
export function isSaleWithinLimits({ quantity, paidMinor = 0 }: SaleData): boolean {
  return quantity <= DEVICE_LIMITS.quantity && paidMinor <= DEVICE_LIMITS.paidMinor;
}

/** Whether all numbers of a message are within DEVICE_LIMITS. */
export function isWithinLimits(message: DeviceMessage): boolean {
  switch (message.kind) {
    case 'telemetry':
      return Object.values(message.data).every(
        (value) => Math.abs(value) <= DEVICE_LIMITS.measurement,
      );
    case 'stock':
      return isStockWithinLimits(message.data);
    case 'sale':
      return isSaleWithinLimits(message.data);
    case 'status':
    case 'ack':
      return true;
  }
}

/**
 * A time of RFC 3339, as devices write it: with any offset, also in lower case, and also a leap second, which
 * counts as the second before it. It becomes one form, of a bounded length.
 */
const WrittenTime = z
  .string()
  .transform((text) => text.toUpperCase().replace(/(T\d\d:\d\d):60(?=[.Z+-])/, '$1:59'))
  .pipe(z.iso.datetime({ offset: true }))
  .transform((text) => new Date(text).toISOString())
  .pipe(Time);
const WrittenEnvelope = Envelope.extend({ at: WrittenTime });

/** Parses a line of JSON. Undefined if it is not a message of this kind in a known version. */
export function readMessage(kind: Kind, line: string): DeviceMessage | undefined {
  try {
    return parsed(kind, JSON.parse(line));
  } catch {
    // not JSON, or an object with a `length` that cannot be compared: zod compares the `length` of any value
    return undefined;
  }
}

function parsed(kind: Kind, json: unknown): DeviceMessage | undefined {
  const envelope = WrittenEnvelope.safeParse(json);
  if (!envelope.success) return undefined;
  const { v, boot, start, seq, at, data } = envelope.data;
  const read = READERS[kind][v - 1]?.safeParse(data);
  if (!read?.success) return undefined;
  const isWill = kind === 'status' && 'will' in read.data && read.data.will === true;
  if (isWill !== (seq === 0)) return undefined;
  // parsed with a schema of this kind
  return {
    kind,
    boot,
    ...(start === undefined ? {} : { start }),
    seq,
    at,
    data: read.data,
  } as DeviceMessage;
}

/** A command of the platform, published on the device's topic `command` and signed in the same way. */
export const DeviceCommandMessage = z.object({
  v: z.literal(1),
  commandId: EntityId,
  name: z.string().max(64),
  arguments: z.record(z.string(), z.unknown()),
  /** From this time on the device must not execute it. */
  expiresAt: Time,
  at: Time,
});
export type DeviceCommandMessage = z.output<typeof DeviceCommandMessage>;

/**
 * The versions of every message to and from a device as it is sent, beginning with 1. A release
 * records them, so that the tests fail for a change that devices in use would not understand.
 */
export const MESSAGE_VERSIONS: Readonly<Record<string, readonly z.ZodType[]>> = {
  ...Object.fromEntries(
    KINDS.map((kind) => [
      kind,
      READERS[kind].map((data, index) => Envelope.extend({ v: z.literal(index + 1), data })),
    ]),
  ),
  command: [DeviceCommandMessage],
};
