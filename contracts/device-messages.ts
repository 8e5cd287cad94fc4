import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { EntityId, Quantity, Reason, Time } from '#contracts/fields';

// What devices and the platform say to each other, whatever carries it: on topics of a broker
// (docs/devices.md) or on a stream. A message shows whose it is and holds no secret, so it may be
// kept as it is.

/** What devices say. */
export const KINDS = ['status', 'telemetry', 'stock', 'sale', 'ack'] as const;
export type Kind = (typeof KINDS)[number];

/** The largest message, in bytes. */
export const MOST_MESSAGE_BYTES = 64 * 1024;

/** Where something is said: by which device, and what. `command` is said to it. */
export interface Topic {
  readonly tenantId: string;
  readonly deviceId: string;
  readonly kind: Kind | 'command';
}

const TOPIC = /^retail\/([\w-]{1,64})\/([\w-]{1,64})\/(status|telemetry|stock|sale|ack|command)$/;

export function topicText({ tenantId, deviceId, kind }: Topic): string {
  return `retail/${tenantId}/${deviceId}/${kind}`;
}

/** Undefined where it is no topic of a device. */
export function readTopic(text: string): Topic | undefined {
  const [, tenantId = '', deviceId = '', kind] = TOPIC.exec(text) ?? [];
  // the expression takes no other kinds
  return kind === undefined ? undefined : { tenantId, deviceId, kind: kind as Topic['kind'] };
}

/** Proves that who knows the key has said this, there: base64url of an HMAC with SHA-256. */
export function signatureOf(key: string, topic: string, line: string): string {
  return createHmac('sha256', key).update(`${topic}\n${line}`).digest('base64url');
}

/** A message as it is sent: a line of JSON, and its signature by the device's credential. */
export function signedMessage(key: string, topic: string, message: unknown): string {
  const line = JSON.stringify(message);
  return `${line}\n${signatureOf(key, topic, line)}`;
}

/** The line of a message if one of the keys has signed it for this topic. */
export function signedLine(
  keys: readonly string[],
  topic: string,
  payload: string,
): string | undefined {
  const end = payload.lastIndexOf('\n');
  const line = payload.slice(0, Math.max(end, 0));
  const given = Buffer.from(payload.slice(end + 1));
  const isSigned = keys.some((key) => {
    const right = Buffer.from(signatureOf(key, topic, line));
    return right.length === given.length && timingSafeEqual(right, given);
  });
  return isSigned ? line : undefined;
}

const Fault = z.object({ code: Reason, slot: EntityId.optional() });

const Status = z.object({
  status: z.enum(['online', 'offline']),
  firmwareVersion: z.string().min(1).max(64).optional(),
  /** All that is wrong with it now; absent where nothing has changed since it was told. */
  faults: z.array(Fault).max(100).optional(),
  /** What its broker says for it when the connection is lost: `seq` is 0 then. */
  will: z.boolean().default(false),
});

const Telemetry = z
  .record(z.string().min(1).max(64), z.number())
  .refine((values) => Object.keys(values).length <= 64, 'must be 64 values at most');

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
 * How the data of each kind is read, by its version, beginning with 1: whatever was sent, what comes
 * out is the newest. A version that devices still speak is lifted: `Sale1.transform(lift).pipe(Sale)`.
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
  /** Another for each start of the device. */
  boot: z.string().regex(/^[\w-]{1,64}$/),
  /** Counts up by one from 1, for each boot and kind; 0 is a last will. */
  seq: z.int32().nonnegative(),
  /** When it was so, by the device's clock. */
  at: Time,
  data: z.unknown(),
});

/** A message of a device. */
export type DeviceMessage = {
  [K in Kind]: Readonly<{ kind: K; boot: string; seq: number; at: string }> & {
    readonly data: z.output<(typeof READERS)[K][number]>;
  };
}[Kind];

export type MessageOf<K extends Kind> = Extract<DeviceMessage, { kind: K }>;

/** Reads a line of JSON. Undefined where it is no message of this kind, in a version that is known. */
export function readMessage(kind: Kind, line: string): DeviceMessage | undefined {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return undefined;
  }
  const envelope = Envelope.safeParse(json);
  if (!envelope.success) return undefined;
  const { v, boot, seq, at, data } = envelope.data;
  const read = READERS[kind][v - 1]?.safeParse(data);
  if (!read?.success) return undefined;
  const isWill = kind === 'status' && 'will' in read.data && read.data.will === true;
  if (isWill !== (seq === 0)) return undefined;
  // read by the reader of this very kind
  return { kind, boot, seq, at, data: read.data } as DeviceMessage;
}

/** What the platform says to a device, on its topic `command`, signed in the same way. */
export const DeviceCommandMessage = z.object({
  v: z.literal(1),
  commandId: EntityId,
  name: z.string().max(64),
  arguments: z.record(z.string(), z.unknown()),
  /** From then on it must not be carried out any more. */
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
