import {
  type DeviceMessage,
  type Topic,
  hasStorableTexts,
  isWithinLimits,
  readMessage,
  signedLine,
  topicText,
} from '#contracts/device-messages';
import type { RejectionReason } from './rejections';
import type { SequencePosition } from './sequence-windows';

/** A message whose signature is valid, and its position in its sequence. */
export interface VerifiedMessage {
  readonly message: DeviceMessage;
  readonly position: SequencePosition;
}

/** Verifies the signature of a payload with the device's keys, and parses it. */
export function verifyMessage(
  topic: Topic,
  payload: Uint8Array,
  keys: readonly string[],
): VerifiedMessage | RejectionReason {
  const text = Buffer.from(payload).toString();
  const line = signedLine(keys, topicText(topic), text);
  if (line === undefined) return 'wrong_signature';
  const { tenantId, deviceId, kind } = topic;
  const message = kind === 'command' ? undefined : readMessage(kind, line);
  if (message === undefined || !hasStorableTexts(message)) return 'unreadable';
  if (!isWithinLimits(message)) return 'out_of_range';
  const { boot, seq } = message;
  const key = [tenantId, deviceId, kind, boot].join('/');
  return { message, position: { key, seq, signature: text.slice(line.length + 1) } };
}
