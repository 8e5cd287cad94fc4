import { deterministicId } from '#kit/core/deterministic-id';
import {
  type DeviceMessage,
  MAX_MESSAGE_BYTES,
  type Topic,
  readTopic,
} from '#contracts/device-messages';
import type { Context } from '../definition';
import { identifyDevice } from '../device-identity';
import { deviceKey } from '../device-key';
import { recordActivity } from '../presence/record-presence';
import { type MessageOrigin, originOf } from '../starts/start-of-message';
import { applyMessage } from './apply-message';
import { recordRejectedMessage } from './rejected-messages';
import type { RejectionReason } from './rejections';
import { verifyMessage } from './verify-message';

/** How far the time of a last will may be ahead. */
const MAX_AHEAD_MS = 2 * 60_000;
/** The age limit of a last will: it was signed when its device connected. */
const MAX_WILL_AGE_MS = 30 * 24 * 60 * 60_000;

/**
 * The outcome of a message, and its label in the metrics. `taken`: it had its effect. `own_command`: a
 * command of the platform that the broker delivered back. Every outcome is final.
 */
export type MessageOutcome =
  RejectionReason | 'taken' | 'duplicate' | 'foreign_topic' | 'own_command';

/** The identity of a message. The same message has the same effects, however often it is delivered. */
export function messageId(topic: string, payload: Uint8Array): string {
  return deterministicId(topic, Buffer.from(payload).toString('latin1'));
}

/**
 * Handles a message of a device, from the broker or a stream. A message that is not valid is rejected
 * and recorded. Throws only if a redelivery may succeed.
 */
export async function handleMessage(
  topicName: string,
  payload: Uint8Array,
  context: Context,
): Promise<MessageOutcome> {
  const topic = readTopic(topicName);
  if (topic === undefined) return 'foreign_topic';
  if (topic.kind === 'command') return 'own_command';
  const tenantContext = context.forTenant(topic.tenantId);
  const outcome = await checkAndApply(topic, payload, tenantContext);
  if (outcome !== 'taken' && outcome !== 'duplicate') {
    await recordRejectedMessage(topic, outcome, tenantContext);
  }
  return outcome;
}

async function checkAndApply(
  topic: Topic,
  payload: Uint8Array,
  tenantContext: Context,
): Promise<RejectionReason | 'taken' | 'duplicate'> {
  const { clock, config, sequenceWindows, messageRates, caller } = tenantContext;
  const { deviceId } = topic;
  const key = deviceKey({ tenantId: caller.tenantId, deviceId });
  // both before anything that may fail, so that the message is never retried
  if (!messageRates.take(key, config.DEVICE_MESSAGES_PER_SECOND, clock.now())) return 'too_many';
  if (payload.length > MAX_MESSAGE_BYTES) return 'oversized';
  const device = await identifyDevice(deviceId, tenantContext);
  if (device === undefined) return 'unknown_device';
  if (device.retired) return 'retired_device';
  const verified = verifyMessage(topic, payload, device.keys);
  if (typeof verified === 'string') return verified;
  const { message, position } = verified;
  const origin = await originOf(message, deviceId, tenantContext);
  if (origin === undefined) return 'earlier_start';
  if (isLastWill(message)) {
    const refusal = refusalOfWill(message, origin, clock.now());
    // a last will has no number in the sequence
    return refusal ?? applyMessage(message, origin, device, tenantContext);
  }
  const order = sequenceWindows.check(position);
  if (order === 'duplicate') return 'duplicate';
  if (order === 'replayed') return 'replayed';
  if (order === 'late' && !countsWhenLate(message)) return 'out_of_order';
  const outcome = await applyMessage(message, origin, device, tenantContext);
  if (outcome === 'taken') sequenceWindows.record(position);
  if (message.kind !== 'status') recordActivity(origin, device, tenantContext);
  return outcome;
}

/**
 * Judges a last will by its age. The clock of its device may have changed since the will was signed, so each
 * offset that it is known to have had is considered.
 */
function refusalOfWill(
  { at }: DeviceMessage,
  { behind: { least, most } }: MessageOrigin,
  now: number,
): RejectionReason | undefined {
  const signed = Date.parse(at);
  if (signed + least > now + MAX_AHEAD_MS) return 'from_the_future';
  return signed + most < now - MAX_WILL_AGE_MS ? 'too_old' : undefined;
}

function isLastWill(message: DeviceMessage): boolean {
  return message.kind === 'status' && message.data.will;
}

/** Whether a message adds something to later ones. A later status or telemetry message replaces it. */
function countsWhenLate({ kind }: DeviceMessage): boolean {
  return kind === 'stock' || kind === 'sale' || kind === 'ack';
}
