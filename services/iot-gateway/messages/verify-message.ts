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

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Undefined if the bytes are not UTF-8. Replacing them would make different messages equal. */
function utf8Text(bytes: Uint8Array): string | undefined {
  try {
    return UTF8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Verifies the signature of a payload with the device's keys, and parses it. */
export function verifyMessage(
  topic: Topic,
  payload: Uint8Array,
  keys: readonly string[],
): VerifiedMessage | RejectionReason {
  const text = utf8Text(payload);
  if (text === undefined) return 'not_utf8';
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
