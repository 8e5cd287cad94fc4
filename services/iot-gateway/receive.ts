import { deterministicId } from '#kit/core/deterministic-id';
import type { BindingMessage } from '#kit/service/handlers';
import {
  type DeviceMessage,
  MAX_MESSAGE_BYTES,
  type Topic,
  readMessage,
  readTopic,
  signedLine,
  topicText,
} from '#contracts/device-messages';
import type { DeviceIdentity } from '#proto/retail/shop/v1/shop_pb';
import { identified } from './devices';
import { effectOf } from './effects';
import type { Position } from './positions';
import { type RefusalReason, keepRefusal } from './refusals';
import type { Context } from './definition';
import { seen } from './track';

/** A device's clock may be so much ahead. */
const FUTURE_MS = 2 * 60_000;
/** What a device was not able to send for longer than this, nobody waits for any more. */
const TOO_OLD_MS = 7 * 24 * 60 * 60_000;

/** What became of a message. Whatever it is, the message is done with. */
export type Verdict = RefusalReason | 'taken' | 'duplicate' | 'foreign_topic' | 'own_command';

/** Takes a message of the broker. Throws only what may be another time. */
export async function receive({ data, metadata }: BindingMessage, context: Context) {
  return take(metadata['topic'] ?? '', data, context);
}

/** The same message, however often and to whomever it is given, is the same work. */
export function identify({ data, metadata }: BindingMessage): string {
  return identityOf(metadata['topic'] ?? '', data);
}

export function identityOf(topic: string, payload: Uint8Array): string {
  return deterministicId(topic, Buffer.from(payload).toString('latin1'));
}

/** Takes a message, wherever it came from: the one way in for all that devices say. */
export async function take(
  topicName: string,
  payload: Uint8Array,
  context: Context,
): Promise<Verdict> {
  const topic = readTopic(topicName);
  if (topic === undefined) return 'foreign_topic';
  if (topic.kind === 'command') return 'own_command';
  const own = context.forTenant(topic.tenantId);
  const verdict = await judge(topic, payload, own);
  if (verdict !== 'taken' && verdict !== 'duplicate') await keepRefusal(topic, verdict, own);
  return verdict;
}

async function judge(
  topic: Topic,
  payload: Uint8Array,
  own: Context,
): Promise<RefusalReason | 'taken' | 'duplicate'> {
  const device = await identified(topic.deviceId, own);
  if (device === undefined) return 'unknown_device';
  if (device.retired) return 'retired_device';
  const read = opened(topic, payload, device);
  if (typeof read === 'string') return read;
  const { message, position } = read;
  // a last will was signed when its device connected, and has no place among the messages
  if (isWill(message)) return effectOf(message, device, own);
  const age = own.clock.now() - Date.parse(message.at);
  if (age < -FUTURE_MS) return 'from_the_future';
  if (age > TOO_OLD_MS) return 'too_old';
  const look = own.positions.look(position);
  if (look === 'seen') return 'duplicate';
  if (look === 'replayed') return 'replayed';
  // the later one told all that this one does
  if (look === 'late' && !isCounted(message)) return 'out_of_order';
  const effect = await effectOf(message, device, own);
  if (effect === 'taken') own.positions.took(position);
  if (message.kind !== 'status') seen(device, own);
  return effect;
}

function opened(
  topic: Topic,
  payload: Uint8Array,
  { keys }: DeviceIdentity,
): { message: DeviceMessage; position: Position } | RefusalReason {
  if (payload.length > MAX_MESSAGE_BYTES) return 'oversized';
  const text = Buffer.from(payload).toString();
  const line = signedLine(keys, topicText(topic), text);
  if (line === undefined) return 'wrong_signature';
  const { tenantId, deviceId, kind } = topic;
  const message = kind === 'command' ? undefined : readMessage(kind, line);
  if (message === undefined) return 'unreadable';
  const { boot, seq } = message;
  const key = [tenantId, deviceId, kind, boot].join('/');
  return { message, position: { key, seq, signature: text.slice(line.length + 1) } };
}

function isWill(message: DeviceMessage): boolean {
  return message.kind === 'status' && message.data.will;
}

/** What counts even when later ones were taken before it. */
function isCounted({ kind }: DeviceMessage): boolean {
  return kind === 'stock' || kind === 'sale' || kind === 'ack';
}
