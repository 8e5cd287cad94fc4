import { DeviceDataReceived } from '#contracts/iot-gateway';
import type { DeviceMessage, MessageOf } from '#contracts/device-messages';
import type { DeviceIdentity } from '#proto/retail/shop/v1/shop_pb';
import { acknowledge } from './commands';
import type { RefusalReason } from './refusals';
import type { Context } from './definition';
import { track } from './track';

/** Does what a good message asks for; refuses what it cannot be known to ask for. */
export async function effectOf(
  message: DeviceMessage,
  device: DeviceIdentity,
  own: Context,
): Promise<'taken' | RefusalReason> {
  switch (message.kind) {
    case 'status':
      await track(message, device, own);
      await sayFaults(message, device, own);
      return 'taken';
    case 'ack':
      return acknowledge(message, device.deviceId, own);
    case 'telemetry':
      await own.publish(
        DeviceDataReceived,
        { ...about(message, device, own), dataType: 'telemetry', data: message.data },
        factOf(message, device),
      );
      return 'taken';
    case 'stock':
      await own.publish(
        DeviceDataReceived,
        { ...about(message, device, own), dataType: 'stock', data: message.data },
        factOf(message, device),
      );
      return 'taken';
    case 'sale':
      await own.publish(
        DeviceDataReceived,
        { ...about(message, device, own), dataType: 'sale', data: message.data },
        factOf(message, device),
      );
      return 'taken';
  }
}

/** All that is wrong with a device now, where it tells of it. */
async function sayFaults(message: MessageOf<'status'>, device: DeviceIdentity, own: Context) {
  const { faults } = message.data;
  if (faults === undefined || message.seq === 0) return;
  await own.publish(
    DeviceDataReceived,
    { ...about(message, device, own), dataType: 'faults', data: faults },
    factOf(message, device),
  );
}

/** Whose it is and where it stands; a clock that is ahead is corrected to the platform's. */
function about(
  { boot, seq, at }: DeviceMessage,
  { deviceId, shopId }: DeviceIdentity,
  { clock }: Context,
) {
  const then = new Date(Math.min(Date.parse(at), clock.now())).toISOString();
  return { deviceId, shopId, position: { boot, seq, at: then } };
}

/** The message comes about once: to whichever replica it comes, it is the same event. */
function factOf({ kind, boot, seq }: DeviceMessage, { deviceId }: DeviceIdentity): string {
  return `${deviceId}/${kind}/${boot}/${seq}`;
}
