import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { topicText } from '#contracts/device-messages';
import { platformClientId } from '../../scripts/start/accounts.mjs';
import { inProject } from '../../scripts/start/project.mjs';
import { isOpen } from '../../scripts/start/ports.mjs';
import { brokerLog } from '../harness/bus/broker-log';
import { PLATFORM } from '../harness/servers';
import { until } from '../harness/until';
import { type BrokerFixture, testDeviceAccounts } from './accounts';
import { testDeviceMessages } from './behaviours';
import { Logins } from './mqtt-login';
import { DeviceFixture, change } from './device-fixture';

// RabbitMQ as the broker of the devices and of the bus.

let devices: DeviceFixture;
beforeAll(async () => {
  devices = await DeviceFixture.open({ bus: 'rabbitmq', devices: 'rabbitmq' });
  await brokerLog(devices.system).keep();
});
afterAll(() => devices.close());

describe('on a real RabbitMQ', () => {
  testDeviceMessages(() => devices);

  test('messages sent while iot-gateway is down wait at the broker, even if it restarts', async () => {
    const device = await devices.device();
    const app = devices.system.app('iot-gateway');
    await app.sidecar.kill();
    await device.publishSales(40);
    const broker = devices.system.server('rabbitmq-server');
    await broker.stop();
    broker.start();
    await until('the broker', () => isOpen(devices.system.mqttPort), 60_000);
    app.sidecar.start();
    await app.ready();
    await device.publishSales(5);
    const publishedEvents = await devices.waitForEvents(
      'device.data.received',
      device.deviceId,
      45,
      90_000,
    );
    const numbers = publishedEvents
      .map(({ position }) => position?.seq ?? 0)
      .sort((one, two) => one - two);
    expect(numbers).toEqual(Array.from({ length: 45 }, (_, index) => index + 1));
  });
});

describe('a message that RabbitMQ accepts and that is too large for the sidecar', () => {
  test('is rejected as oversized, and no later message waits behind it', async () => {
    const device = await devices.device();
    const { deviceId } = device;
    const topic = topicText({ tenantId: 'default', deviceId, kind: 'sale' });
    const payload = 'x'.repeat(4_300_000);
    for (let times = 0; times < 12; times++) await device.send({ topic, payload });
    await device.publish('stock', change);
    await devices.waitForEvents('device.data.received', deviceId, 1, 60_000);
    expect(new Set(await devices.refusals(deviceId))).toEqual(new Set(['sale oversized']));
  }, 120_000);
});

describe('the accounts of devices on a real RabbitMQ', () => {
  let logins: Logins;
  let broker: BrokerFixture;

  beforeAll(async () => {
    const port = devices.system.mqttPort;
    logins = new Logins(port);
    const { logIn } = logins;
    broker = {
      logIn,
      platform: await logIn(PLATFORM.userName, PLATFORM.password),
      ...{ device: await devices.register(), other: await devices.register() },
      retire: async ({ deviceId }) => {
        await devices.fixture.admin.send('DELETE', `/devices/${deviceId}`);
        await devices.admitDevices();
      },
    };
  });
  afterAll(() => {
    logins.close();
  });

  testDeviceAccounts(() => broker);

  test('a device may add a secret part to its client id, so that no other device disconnects it', async () => {
    const { logIn, device, platform } = broker;
    const received: string[] = [];
    const { userName, credential, deviceId } = device;
    const clientId = `${userName}/${randomUUID()}`;
    const client = await logIn(userName, credential, { clientId, received });
    const topic = topicText({ tenantId: 'default', deviceId, kind: 'command' });
    await client.subscribeAsync(topic, { qos: 1 });
    await platform.publishAsync(topic, 'for it', { qos: 1 });
    await until('the command', () => received.length > 0);
    expect(received).toEqual([`${topic} for it`]);
  });
});

test('the client id of the platform is a secret that stays the same', () => {
  const id = platformClientId(PLATFORM);
  expect(id).toMatch(/^iot-gateway-[0-9a-f]{32}$/);
  expect(platformClientId(PLATFORM)).toBe(id);
  expect(platformClientId({ ...PLATFORM, password: 'another one' })).not.toBe(id);
  const component = readFileSync(inProject('components/devices/rabbitmq/devices.yaml'), 'utf8');
  expect(component).toMatch(/name: consumerID\s+envRef: DEVICES_CLIENT_ID/);
});
