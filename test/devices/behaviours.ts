import { expect, test } from '@jest/globals';
import { topicText } from '#contracts/device-messages';
import { until } from '../harness/until';
import { type DeviceFixture, change } from './device-fixture';
import { endAfter } from './mqtt-login';

const DATA = 'device.data.received';
const STATUS = 'device.status.updated';

/** Messages between devices and the platform arrive, on any broker. */
export function testDeviceMessages(fleetOf: () => DeviceFixture): void {
  test('a message of a device is published as an event and updates its status', async () => {
    const devices = fleetOf();
    const device = await devices.device();
    const { deviceId } = device;
    await device.publish('status', { status: 'online', firmwareVersion: '1.2' });
    await device.publish('stock', change);
    const [status] = await devices.waitForEvents(STATUS, deviceId, 1);
    expect(status).toMatchObject({ deviceId, shopId: devices.shopId, status: 'online' });
    const [data] = await devices.waitForEvents(DATA, deviceId, 1);
    expect(data).toMatchObject({ dataType: 'stock', data: change, position: { seq: 1 } });
    const { text } = await devices.fixture.admin.send('GET', `/devices/${deviceId}`);
    expect(JSON.parse(text)).toMatchObject({
      data: { status: 'online', firmwareVersion: '1.2' },
    });
    await expect(devices.presence(deviceId)).resolves.toBe('online');
  });

  test('a command reaches its device, is acknowledged and settled', async () => {
    const devices = fleetOf();
    const device = await devices.device();
    const received = await device.subscribe();
    const { commandId } = await devices.command(device.deviceId);
    await until('the command', () => received.length > 0);
    expect(received[0]).toMatchObject({ commandId });
    await device.publish('ack', { commandId, outcome: 'acknowledged' });
    const settled = await devices.waitForEvents('device.command.settled', device.deviceId, 1);
    expect(settled).toMatchObject([{ commandId, name: 'dispense', outcome: 'acknowledged' }]);
    await expect(devices.statusOf(commandId)).resolves.toBe('acknowledged');
  });

  test.each([100_000, 4_300_000, 5 * 2 ** 20])(
    'a device with messages of %i bytes does not stop the others',
    async (bytes) => {
      const devices = fleetOf();
      const [large, other] = [await devices.device(), await devices.device()];
      const topic = topicText({ tenantId: 'default', deviceId: large.deviceId, kind: 'sale' });
      const payload = 'x'.repeat(bytes);
      // more than a broker has in flight; it may end the connection at each of them
      for (let times = 0; times < 25; times++) {
        const client = await devices.connect(large.signer, large.account, { reconnectPeriod: 0 });
        client.on('error', () => {});
        await endAfter(client, client.publishAsync(topic, payload, { qos: 1 }));
      }
      await other.publish('stock', change);
      await devices.waitForEvents(DATA, other.deviceId, 1);
      expect(await devices.published(DATA, large.deviceId)).toEqual([]);
    },
    120_000,
  );
}
