import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { DeviceMessageSigner } from '#contracts/device-message-signer';
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

describe('a device without a clock', () => {
  test.each([
    ['ten minutes slow', () => -600_000],
    ['at 1970', () => -Date.now()],
    ['in 2038', () => Date.parse('2038-01-19T03:14:07Z') - Date.now()],
  ])('that restarts %s is online, and its messages count', async (_, ahead) => {
    const device = await devices.device();
    const { deviceId, account } = device;
    const captured = await device.publish('status', { status: 'offline' });
    await devices.waitForEvents(STATUS, deviceId, 1);
    const aheadMs = ahead();
    const restarted = new DeviceMessageSigner(
      { tenantId: 'default', deviceId, credential: account.credential },
      randomUUID(),
      () => Date.now() + aheadMs,
    );
    await device.send(restarted.sign('status', { status: 'online' }));
    await device.send(restarted.sign('stock', change));
    await devices.waitForEvents(STATUS, deviceId, 2);
    const [data] = await devices.waitForEvents(DATA, deviceId, 1);
    expect(data).toMatchObject({ dataType: 'stock', data: change, position: { start: 2, seq: 1 } });
    const lateMs = Date.now() - Date.parse(data?.position?.at ?? '');
    expect(Math.abs(lateMs)).toBeLessThan(60_000);
    await device.send(captured);
    await device.send(restarted.sign('stock', change));
    await devices.waitForEvents(DATA, deviceId, 2);
    await expect(devices.presence(deviceId)).resolves.toBe('online');
    await expect(devices.statuses(deviceId)).resolves.toEqual(['offline', 'online']);
  });
});

describe('a device that sends a flood', () => {
  test('is refused beyond its rate with a note, and another one is not delayed', async () => {
    const [flooding, other] = [await devices.device(), await devices.device()];
    const topic = topicText({ tenantId: 'default', deviceId: flooding.deviceId, kind: 'sale' });
    await Promise.all(
      Array.from({ length: 3_000 }, () => flooding.send({ topic, payload: 'flood\n' })),
    );
    await other.publish('stock', change);
    await devices.waitForEvents(DATA, other.deviceId, 1);
    await flooding.publish('stock', change);
    await until('the notes', async () => (await devices.refusals(flooding.deviceId)).length > 0);
    const { url } = devices.system.app('iot-gateway');
    const metrics = await fetch(`${url}/metrics`);
    expect(await metrics.text()).toMatch(/binding_messages_total\{.*outcome="too_many".*\} [1-9]/);
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
