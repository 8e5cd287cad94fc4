import { expect, test } from '@jest/globals';
import { until } from '../harness/until';
import { type Fleet, change } from './fleet';

const DATA = 'device.data.received';
const STATUS = 'device.status.updated';

/** What devices and platform say to one another comes across, whatever broker is between them. */
export function speaking(fleetOf: () => Fleet): void {
  test('what a device says comes to its shop and to whoever hears of devices', async () => {
    const fleet = fleetOf();
    const device = await fleet.device();
    const { deviceId } = device;
    await device.says('status', { status: 'online', firmwareVersion: '1.2' });
    await device.says('stock', change);
    const [status] = await fleet.hears(STATUS, deviceId, 1);
    expect(status).toMatchObject({ deviceId, shopId: fleet.shopId, status: 'online' });
    const [data] = await fleet.hears(DATA, deviceId, 1);
    expect(data).toMatchObject({ dataType: 'stock', data: change, position: { seq: 1 } });
    const { text } = await fleet.market.admin.send('GET', `/devices/${deviceId}`);
    expect(JSON.parse(text)).toMatchObject({
      data: { status: 'online', firmwareVersion: '1.2' },
    });
    await expect(fleet.presence(deviceId)).resolves.toBe('online');
  });

  test('a command is heard by its device, answered, and settled', async () => {
    const fleet = fleetOf();
    const device = await fleet.device();
    const heard = await device.hears();
    const { commandId } = await fleet.command(device.deviceId);
    await until('the command', () => heard.length > 0);
    expect(heard[0]).toMatchObject({ commandId });
    await device.says('ack', { commandId, outcome: 'acknowledged' });
    const settled = await fleet.hears('device.command.settled', device.deviceId, 1);
    expect(settled).toMatchObject([{ commandId, name: 'dispense', outcome: 'acknowledged' }]);
    await expect(fleet.statusOf(commandId)).resolves.toBe('acknowledged');
  });
}
