import { isoTimeAt } from '#kit/core/clock';
import type { DeviceMessage, MessageOf } from '#contracts/device-messages';
import { DeviceDataReceived } from '#contracts/iot-gateway';
import type { DeviceIdentity } from '#proto/retail/shop/v1/shop_pb';
import { handleAck } from '../commands/settle-command';
import type { Context } from '../definition';
import { recordStatus } from '../presence/record-presence';
import type { MessageOrigin } from '../starts/start-of-message';
import type { RejectionReason } from './rejections';

/** Applies a verified message: records the presence, settles a command, or publishes the data. */
export async function applyMessage(
  message: DeviceMessage,
  origin: MessageOrigin,
  device: DeviceIdentity,
  tenantContext: Context,
): Promise<'taken' | RejectionReason> {
  switch (message.kind) {
    case 'status': {
      const recorded = await recordStatus(message, origin, device, tenantContext);
      if (typeof recorded === 'string') return recorded;
      await publishFaults(message, { ...origin, ...recorded }, device, tenantContext);
      return 'taken';
    }
    case 'ack':
      return handleAck(message, device.deviceId, tenantContext);
    case 'telemetry':
      await tenantContext.publish(
        DeviceDataReceived,
        { ...positioned(message, origin, device), dataType: 'telemetry', data: message.data },
        dedupKeyOf(message, device),
      );
      return 'taken';
    case 'stock':
      await tenantContext.publish(
        DeviceDataReceived,
        { ...positioned(message, origin, device), dataType: 'stock', data: message.data },
        dedupKeyOf(message, device),
      );
      return 'taken';
    case 'sale':
      await tenantContext.publish(
        DeviceDataReceived,
        { ...positioned(message, origin, device), dataType: 'sale', data: message.data },
        dedupKeyOf(message, device),
      );
      return 'taken';
  }
}

/** Publishes the list of all current faults, if the status has one. A last will never does. */
async function publishFaults(
  message: MessageOf<'status'>,
  origin: MessageOrigin,
  device: DeviceIdentity,
  tenantContext: Context,
): Promise<void> {
  const { faults } = message.data;
  if (faults === undefined || message.seq === 0) return;
  await tenantContext.publish(
    DeviceDataReceived,
    { ...positioned(message, origin, device), dataType: 'faults', data: faults },
    dedupKeyOf(message, device),
  );
}

/** The device and the position of a message. */
function positioned(
  { boot, seq }: DeviceMessage,
  { start, at }: MessageOrigin,
  { deviceId, shopId }: DeviceIdentity,
) {
  return { deviceId, shopId, position: { boot, start, seq, at: isoTimeAt(at) } };
}

/** A message is the same event, whichever replica handles it. */
function dedupKeyOf({ kind, boot, seq }: DeviceMessage, { deviceId }: DeviceIdentity): string {
  return `${deviceId}/${kind}/${boot}/${seq}`;
}
