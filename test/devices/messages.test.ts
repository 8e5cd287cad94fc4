import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { topicText } from '#contracts/device-messages';
import { until } from '../harness/until';
import { testDeviceMessages } from './behaviours';
import { DeviceFixture, change } from './device-fixture';

const DATA = 'device.data.received';
const STATUS = 'device.status.updated';

let devices: DeviceFixture;
beforeAll(async () => {
  devices = await DeviceFixture.open();
});
afterAll(() => devices.close());

describe('on a real broker', () => {
  testDeviceMessages(() => devices);
});

describe('the message of a device on a real broker', () => {
  test('counts once, however many times it arrives', async () => {
    const device = await devices.device();
    const message = device.signer.sign('stock', change);
    for (let times = 0; times < 5; times++) await device.send(message);
    await device.publish('stock', change);
    await devices.waitForEvents(DATA, device.deviceId, 2);
    // handled by a new process, which has nothing in memory
    const { service } = devices.system.app('iot-gateway');
    await service?.kill();
    service?.start();
    await device.send(message);
    await device.publish('stock', change);
    const publishedEvents = await devices.waitForEvents(DATA, device.deviceId, 3, 60_000);
    expect(publishedEvents.map(({ position }) => position?.seq).sort()).toEqual([1, 2, 3]);
  });

  test('is refused if it is forged, old, or on the topic of another device, and later ones are handled', async () => {
    const [device, other] = [await devices.device(), await devices.device()];
    const good = device.signer.sign('stock', change);
    await device.send({ ...good, payload: good.payload.replace('-1', '-9') });
    const { deviceId } = other;
    await device.send({
      ...device.signer.sign('sale', { saleId: 's', productId: 'tea', quantity: 1 }),
      topic: topicText({ tenantId: 'default', deviceId, kind: 'sale' }),
    });
    await device.publish('stock', { mode: 'guess' });
    await device.publish('telemetry', { heat: 1 }, { v: 9 });
    await device.publish('stock', change);
    await devices.waitForEvents(DATA, device.deviceId, 1);
    await until('the refusals', async () => {
      expect((await devices.refusals(device.deviceId)).sort()).toEqual([
        'stock unreadable',
        'stock wrong_signature',
        'telemetry unreadable',
      ]);
      expect(await devices.refusals(deviceId)).toEqual(['sale wrong_signature']);
      return true;
    });
    expect(await devices.published(DATA, deviceId)).toEqual([]);
  });

  test('is handled behind more invalid messages than the broker delivers at a time', async () => {
    const device = await devices.device();
    const topic = topicText({ tenantId: 'default', deviceId: device.deviceId, kind: 'sale' });
    await Promise.all(
      Array.from({ length: 100 }, () => device.send({ topic, payload: 'poison\n' })),
    );
    await device.publish('stock', change);
    await devices.waitForEvents(DATA, device.deviceId, 1);
  });
});

describe('a device that loses its connection', () => {
  test('is shown as offline after a while, by its last will', async () => {
    const device = await devices.device();
    await device.publish('status', { status: 'online' });
    await devices.waitForEvents(STATUS, device.deviceId, 1);
    device.dropConnection();
    await devices.waitForEvents(STATUS, device.deviceId, 2, 60_000);
    await expect(devices.statuses(device.deviceId)).resolves.toEqual(['online', 'offline']);
    await expect(devices.presence(device.deviceId)).resolves.toBe('offline');
  });
});

describe('a command', () => {
  test('is sent again until it is answered, and expires without an answer', async () => {
    const device = await devices.device();
    const received = await device.subscribe();
    const { commandId } = await devices.command(device.deviceId, 5);
    const settled = await devices.waitForEvents(
      'device.command.settled',
      device.deviceId,
      1,
      60_000,
    );
    expect(settled).toMatchObject([{ commandId, outcome: 'expired' }]);
    expect(received.length).toBeGreaterThan(1);
  });
});
