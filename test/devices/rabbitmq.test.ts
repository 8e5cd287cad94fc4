import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { isOpen } from '../../scripts/start/ports.mjs';
import { brokerLog } from '../harness/bus/broker-log';
import { PLATFORM } from '../harness/servers';
import { until } from '../harness/until';
import { type BrokerFixture, testDeviceAccounts } from './accounts';
import { testDeviceMessages } from './behaviours';
import { Logins } from './mqtt-login';
import { DeviceFixture } from './device-fixture';

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
});
