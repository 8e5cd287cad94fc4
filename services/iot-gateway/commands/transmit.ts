import { signedMessage, topicText } from '#contracts/device-messages';
import type { Context } from '../definition';
import { identifyDevice } from '../device-identity';
import { deviceKey } from '../device-key';
import { type Command, nextAttemptAt, toDeviceMessage } from './command';

/**
 * Sends a command to its device, by its stream and by the broker. Schedules the next attempt first, so
 * that a crash in between does not lose the command.
 */
export async function transmit(command: Command, tenantContext: Context): Promise<void> {
  const { jobs, bindings, deviceStreams, clock, log, caller } = tenantContext;
  const { commandId, deviceId, attempts } = command;
  const { tenantId } = caller;
  const attempt = attempts + 1;
  const data = { tenantId, commandId, attempt };
  await jobs.once('resend', `${commandId}.${attempt}`, nextAttemptAt(command, clock.now()), data);
  const device = await identifyDevice(deviceId, tenantContext);
  if (device === undefined || device.retired) return;
  const { keys } = device;
  // While a credential is renewed, the device may use either one: attempts alternate between them.
  const key = keys[attempts % keys.length] ?? '';
  const topic = topicText({ tenantId, deviceId, kind: 'command' });
  const payload = Buffer.from(signedMessage(key, topic, toDeviceMessage(command)));
  deviceStreams.send(deviceKey({ tenantId, deviceId }), payload);
  try {
    await bindings.devices.send('create', payload, { topic });
  } catch (error) {
    log.warn({ commandId, failure: String(error) }, 'command not sent, will retry');
  }
}
