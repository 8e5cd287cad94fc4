import { randomBytes } from 'node:crypto';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { isSignature, readTopic, streamTopic, topicText } from '#contracts/device-messages';
import { Code, MicroserviceError } from '#kit/core/errors';
import type { IngestConnection } from '#kit/service/handlers';
import type {
  IngestRequest,
  IngestResponseSchema,
  Opening,
} from '#proto/retail/iot/v1/iot_gateway_pb';
import type { Context } from '../definition';
import { identifyDevice } from '../device-identity';
import { deviceKey } from '../device-key';
import { type MessageOutcome, handleMessage, messageId } from './handle-message';

type Response = MessageInitShape<typeof IngestResponseSchema>;
type Connection = IngestConnection<Response>;

const NONCE_BYTES = 24;

/** A stream, from its challenge on. */
interface Stream {
  readonly nonce: string;
  /** Whose stream it is, since its challenge was answered. */
  device?: { tenantId: string; deviceId: string };
}

const streams = new WeakMap<Connection, Stream>();

/** Challenges the client of a new stream. A captured opening is not valid for another stream. */
export function challengeStream(connection: Connection): void {
  const nonce = randomBytes(NONCE_BYTES).toString('base64url');
  streams.set(connection, { nonce });
  connection.write({ what: { case: 'challenge', value: { nonce } } });
}

/**
 * Handles a message of a device's stream in the same way as one of the broker, and answers with a
 * receipt. The first message has to be the opening: then the device gets its commands by this stream, and
 * the stream takes no message of another device.
 */
export async function handleStreamMessage(
  { topic, payload, opening }: IngestRequest,
  context: Context,
  connection: Connection,
): Promise<Response> {
  const stream = streams.get(connection);
  if (stream?.device === undefined) {
    if (stream === undefined || opening === undefined) throw unauthenticated();
    await openStream(stream, opening, context, connection);
    return { what: { case: 'opened', value: {} } };
  }
  const outcome = isOwnTopic(topic, stream.device)
    ? await handleMessage(topic, payload, context)
    : 'foreign_topic';
  if (outcome === 'retired_device' || outcome === 'unknown_device') throw unauthenticated();
  const accepted = outcome === 'taken' || outcome === 'duplicate';
  return { what: { case: 'receipt', value: receiptFor(payload, outcome, accepted) } };
}

export function identifyStreamMessage({ topic, payload, opening }: IngestRequest): string {
  return opening === undefined ? messageId(topic, payload) : `opening ${opening.signature}`;
}

/** Binds a stream to its device. Throws UNAUTHENTICATED unless the device answered this stream's challenge. */
async function openStream(
  stream: Stream,
  { tenantId, deviceId, signature }: Opening,
  context: Context,
  connection: Connection,
): Promise<void> {
  const device = { tenantId, deviceId };
  // before the shop service is called with ids that no device can have
  if (readTopic(topicText({ ...device, kind: 'status' })) === undefined) throw unauthenticated();
  const known = await identifyDevice(deviceId, context.forTenant(tenantId));
  const keys = known === undefined || known.retired ? [] : known.keys;
  if (!isSignature(keys, streamTopic(device), stream.nonce, signature)) throw unauthenticated();
  stream.device = device;
  connection.authenticate();
  const previous = context.deviceStreams.open(deviceKey(device), {
    write: (command) => {
      connection.write({ what: { case: 'command', value: command } });
    },
    end: (error) => {
      connection.end(error);
    },
    closed: connection.closed,
  });
  previous?.end(new MicroserviceError('the device opened another stream', Code.ABORTED));
}

/** The same error for every reason, so that a client learns nothing about devices. */
function unauthenticated(): MicroserviceError {
  return new MicroserviceError('answer the challenge of this stream', Code.UNAUTHENTICATED);
}

function isOwnTopic(topic: string, { tenantId, deviceId }: NonNullable<Stream['device']>): boolean {
  const named = readTopic(topic);
  return named?.tenantId === tenantId && named.deviceId === deviceId;
}

function receiptFor(payload: Uint8Array, outcome: MessageOutcome, accepted: boolean) {
  return { ...claimedPosition(payload), accepted, reason: accepted ? '' : outcome };
}

/** The position that a message claims, so that its sender can match the receipt. It is not verified. */
function claimedPosition(payload: Uint8Array): { boot: string; seq: number } {
  const unknown = { boot: '', seq: 0 };
  try {
    const [line = ''] = Buffer.from(payload).toString().split('\n');
    const json: unknown = JSON.parse(line);
    if (typeof json !== 'object' || json === null) return unknown;
    const { boot, seq } = json as Record<string, unknown>; // any object of JSON
    const isPosition =
      typeof boot === 'string' && Number.isInteger(seq) && Math.abs(Number(seq)) < 2 ** 31;
    return isPosition ? { boot: boot.slice(0, 64), seq: Number(seq) } : unknown;
  } catch {
    return unknown;
  }
}
